/** Lumino widgets inside of elements that React owns. */
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

/** Put a widget into a host element. */
export function attach(widget: Widget, host: HTMLElement): void {
  MessageLoop.sendMessage(widget, Widget.Msg.BeforeAttach);
  host.appendChild(widget.node);
  MessageLoop.sendMessage(widget, Widget.Msg.AfterAttach);
}

/** Take a widget out of its host, wherever the host is by now, and dispose of it. */
export function detach(widget: Widget): void {
  MessageLoop.sendMessage(widget, Widget.Msg.BeforeDetach);
  widget.node.remove();
  MessageLoop.sendMessage(widget, Widget.Msg.AfterDetach);
  widget.dispose();
}
