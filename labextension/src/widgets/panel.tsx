import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';
import { Panel } from '../components/Panel';
import type { IServices } from '../components/services';
import { chatIcon } from '../icons';

/** The sidebar of ChatIDE. */
export class ChatPanel extends ReactWidget {
  constructor(private readonly services: IServices) {
    super();
    const { trans } = services;
    this.id = 'jupyter-chatide-panel';
    this.addClass('jp-ChatIDE');
    this.title.icon = chatIcon;
    this.title.caption = trans.__('ChatIDE: describe it, and see it run');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('ChatIDE'));
  }

  protected override onActivateRequest(): void {
    this.services.chatide.focus();
  }

  protected override render(): JSX.Element {
    return <Panel services={this.services} />;
  }
}
