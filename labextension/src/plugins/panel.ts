import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry, jupyterHighlightStyle } from '@jupyterlab/codemirror';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { StyleModule } from 'style-mod';
import { chatIcon, keyIcon, plusIcon, stopIcon } from '../icons';
import type { ChatIDE } from '../model/chatide';
import { CommandIDs, IChatIDE, NAME, PluginIDs } from '../tokens';
import { ChatPanel } from '../widgets/panel';
import { chatRendermime } from '../widgets/rendering';

const RANK = 550;

/** The sidebar, and the commands that lead to it. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.panel,
  description: 'Adds the ChatIDE sidebar.',
  autoStart: true,
  requires: [IChatIDE, IRenderMimeRegistry],
  optional: [
    ITranslator,
    IEditorLanguageRegistry,
    INotebookTracker,
    ILayoutRestorer,
    ICommandPalette
  ],
  activate: (
    app: JupyterFrontEnd,
    chatide: ChatIDE,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null,
    languages: IEditorLanguageRegistry | null,
    notebooks: INotebookTracker | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(NAME);
    // Lab mounts the colours of code only with its first editor.
    StyleModule.mount(document, jupyterHighlightStyle.module!);
    const renderers = chatRendermime(rendermime, chatide.api, () => chatide.session?.id);
    const insert = notebooks
      ? async (code: string): Promise<void> => {
          await app.commands.execute(CommandIDs.insert, { code });
        }
      : null;
    const panel = new ChatPanel({ chatide, rendermime: renderers, languages, trans, insert });
    app.shell.add(panel, 'left', { rank: RANK, type: 'ChatIDE' });
    restorer?.add(panel, NAME);

    const show = (): void => app.shell.activateById(panel.id);
    const noArgs = { args: { type: 'object' as const, properties: {} } };
    app.commands.addCommand(CommandIDs.focus, {
      label: trans.__('Focus the Chat'),
      caption: trans.__('Show the ChatIDE sidebar and write a prompt'),
      icon: chatIcon,
      describedBy: noArgs,
      execute: show
    });
    app.commands.addCommand(CommandIDs.newChat, {
      label: args => (args.isLauncher ? trans.__('ChatIDE') : trans.__('New Chat')),
      caption: trans.__('Describe what you want, and see it run'),
      icon: args => (args.isLauncher ? chatIcon : plusIcon),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            isLauncher: {
              type: 'boolean',
              description: 'Whether the launcher asks.'
            }
          }
        }
      },
      execute: () => {
        chatide.newChat();
        show();
      }
    });
    app.commands.addCommand(CommandIDs.connect, {
      label: trans.__('Connect a Model…'),
      caption: trans.__('Set the keys of model providers'),
      icon: keyIcon,
      describedBy: noArgs,
      execute: () => {
        show();
        chatide.connect();
      }
    });
    app.commands.addCommand(CommandIDs.stop, {
      label: trans.__('Stop the Chat'),
      caption: trans.__('End the model call, the run and its processes'),
      icon: stopIcon,
      describedBy: noArgs,
      isEnabled: () => chatide.session?.busy ?? false,
      execute: () => chatide.stop()
    });
    for (const command of [
      CommandIDs.focus,
      CommandIDs.newChat,
      CommandIDs.connect,
      CommandIDs.stop
    ]) {
      palette?.addItem({ command, category: trans.__('ChatIDE') });
    }
  }
};
