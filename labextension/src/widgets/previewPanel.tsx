import { MainAreaWidget } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, Toolbar, ToolbarButton } from '@jupyterlab/ui-components';
import React from 'react';
import type { IApi } from '../api';
import { PreviewName, PreviewPlace } from '../components/PreviewLabels';
import { chevronLeftIcon, chevronRightIcon, followIcon, panelIcon, rerunIcon } from '../icons';
import { Previewing } from '../model/previewing';
import type { ChatSession } from '../model/session';
import { PreviewBody } from './previewBody';

export interface IPreviewPanelOptions {
  /** The id of the chat. */
  chat: string;
  api: IApi;
  rendermime: IRenderMimeRegistry;
  trans: TranslationBundle;
}

/** A chat's previews, large, one at a time, beside the notebook. */
export class PreviewPanel extends MainAreaWidget<PreviewBody> {
  constructor({ chat, api, rendermime, trans }: IPreviewPanelOptions) {
    const words = {
      empty: trans.__('Plots, tables and pages of this chat show up here.'),
      unknown: trans.__('This output cannot be shown here.')
    };
    super({
      content: new PreviewBody({ chat, api, rendermime, words }),
      toolbar: new Toolbar()
    });
    this.chat = chat;
    this.id = `jupyter-chatide-preview-${chat}`;
    this.addClass('jp-ChatIDE-preview');
    this.title.icon = panelIcon;
    this.title.label = trans.__('ChatIDE preview');
    this.title.closable = true;

    const { previewing, content } = this;
    const previous = new ToolbarButton({
      icon: chevronLeftIcon,
      tooltip: trans.__('Previous'),
      onClick: () => previewing.step(-1)
    });
    const next = new ToolbarButton({
      icon: chevronRightIcon,
      tooltip: trans.__('Next'),
      onClick: () => previewing.step(1)
    });
    const reload = new ToolbarButton({
      icon: rerunIcon,
      tooltip: trans.__('Reload the page'),
      onClick: () => void content.reload()
    });
    const follow = new ToolbarButton({
      icon: followIcon,
      tooltip: trans.__('Follow the latest'),
      pressedTooltip: trans.__('Following the latest'),
      onClick: () => previewing.setFollow(!previewing.store.get().follow)
    });
    const { toolbar } = this;
    toolbar.node.setAttribute('aria-label', trans.__('Preview'));
    toolbar.addItem('previous', previous);
    toolbar.addItem('place', ReactWidget.create(<PreviewPlace {...{ previewing, trans }} />));
    toolbar.addItem('next', next);
    toolbar.addItem('name', ReactWidget.create(<PreviewName {...{ previewing, trans }} />));
    toolbar.addItem('reload', reload);
    toolbar.addItem('follow', follow);

    const refresh = (): void => {
      const { previews, follow: following } = previewing.store.get();
      const { current, index } = previewing;
      previous.enabled = index > 0;
      next.enabled = index >= 0 && index < previews.length - 1;
      reload.setHidden(current?.type !== 'page');
      follow.pressed = following;
      content.present(current);
    };
    previewing.store.subscribe(refresh);
    refresh();
  }

  readonly chat: string;
  readonly previewing = new Previewing();

  /** Follow the chat's session; one that was followed before is let go. */
  follow(session: ChatSession): void {
    this.leave();
    const update = (): void => {
      const { previews, title } = session.chat;
      this.previewing.update(previews);
      this.title.label = title || this.title.label;
      this.title.caption = this.title.label;
    };
    this.leave = session.store.subscribe(update);
    update();
  }

  override dispose(): void {
    this.leave();
    super.dispose();
  }

  private leave: () => void = () => undefined;
}
