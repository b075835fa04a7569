import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { panelIcon } from '../icons';
import { runningTurn } from '../model/chat';
import type { ChatIDE } from '../model/chatide';
import type { ChatSession } from '../model/session';
import { CommandIDs, IChatIDE, NAME, PluginIDs } from '../tokens';
import { PreviewPanel } from '../widgets/previewPanel';
import { chatRendermime } from '../widgets/rendering';

const NAMESPACE = 'jupyter-chatide-preview';

/** The panel beside the notebook that shows plots, tables and pages large. */
export const previewPlugin: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.preview,
  description: 'Shows the rich outputs and pages of a chat in a panel.',
  autoStart: true,
  requires: [IChatIDE, IRenderMimeRegistry],
  optional: [ITranslator, INotebookTracker, ILabShell, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    chatide: ChatIDE,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null,
    notebooks: INotebookTracker | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ): void => {
    const { commands, shell } = app;
    const trans = (translator ?? nullTranslator).load(NAME);
    const tracker = new WidgetTracker<PreviewPanel>({ namespace: NAMESPACE });
    /** The turn in which the person closed the panel: it stays closed until the next. */
    let closedIn: string | undefined;

    const add = (chat: string): PreviewPanel => {
      const panel = new PreviewPanel({
        chat,
        api: chatide.api,
        rendermime: chatRendermime(rendermime, chatide.api, () => chat),
        trans
      });
      const other = tracker.find(({ isAttached }) => isAttached);
      shell.add(panel, labShell ? 'main' : 'right', {
        mode: other ? 'tab-after' : 'split-right',
        ref: other?.id ?? notebooks?.currentWidget?.id,
        activate: false,
        type: 'ChatIDE'
      });
      void tracker.add(panel);
      panel.disposed.connect(() => {
        if (chatide.session?.id === chat) {
          closedIn = runningTurn(chatide.session.chat)?.id;
        }
      });
      if (chatide.session?.id === chat) {
        panel.follow(chatide.session);
      }
      return panel;
    };
    const find = (chat: string): PreviewPanel | undefined =>
      tracker.find(panel => panel.chat === chat);

    /** Bring a panel to the front of its tabs; the focus stays where the person works. */
    const reveal = (panel: PreviewPanel): void => {
      const focused = document.activeElement as HTMLElement | null;
      shell.activateById(panel.id);
      requestAnimationFrame(() => focused?.focus({ preventScroll: true }));
    };
    const watch = (session: ChatSession): void => {
      find(session.id)?.follow(session);
      session.previewed.connect(() => {
        const turn = runningTurn(session.chat)?.id;
        if (!chatide.settings.get().openPreview || (turn && turn === closedIn)) {
          return;
        }
        const panel = find(session.id) ?? add(session.id);
        const covered = tracker.find(other => other !== panel && other.isVisible);
        if (covered && !panel.isVisible) {
          reveal(panel);
        }
      });
    };
    let watched: ChatSession | null = null;
    chatide.store.subscribe(() => {
      const { session } = chatide;
      if (session && session !== watched) {
        watch(session);
      }
      watched = session;
    });

    chatide.previewRequested.connect((_, key) => {
      void commands.execute(CommandIDs.openPreview, { key });
    });
    commands.addCommand(CommandIDs.openPreview, {
      label: trans.__('Open the Preview of the Chat'),
      caption: trans.__('Show the plots, tables and pages of the chat beside the notebook'),
      icon: panelIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            chat: {
              type: 'string',
              description: 'The id of a chat; the open one by default.'
            },
            key: {
              type: 'string',
              description: 'Which preview to show; the newest by default.'
            }
          }
        }
      },
      isEnabled: () => chatide.session !== null,
      execute: args => {
        const chat = (args.chat as string | undefined) ?? chatide.session?.id;
        if (chat) {
          const panel = find(chat) ?? add(chat);
          shell.activateById(panel.id);
          panel.previewing.select((args.key as string | undefined) ?? '');
        }
      }
    });
    palette?.addItem({
      command: CommandIDs.openPreview,
      category: trans.__('ChatIDE')
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openPreview,
      args: ({ chat }) => ({ chat }),
      name: ({ chat }) => chat
    });
  }
};
