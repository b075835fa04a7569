import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { insertIcon } from '../icons';
import { CommandIDs, NAME, PluginIDs } from '../tokens';

/** Puts code of a chat into a notebook. */
export const notebookPlugin: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.notebook,
  description: 'Inserts code of a chat into the active notebook.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(NAME);
    app.commands.addCommand(CommandIDs.insert, {
      label: trans.__('Insert into Notebook'),
      caption: trans.__('Insert code below the active cell, without running it'),
      icon: insertIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            code: { type: 'string', description: 'What the new cell holds.' }
          },
          required: ['code']
        }
      },
      execute: async args => {
        try {
          const panel = notebooks.currentWidget ?? (await newNotebook(app));
          await panel.revealed;
          insertBelow(panel, String(args.code ?? ''));
          app.shell.activateById(panel.id);
        } catch (error) {
          console.warn('The code could not be inserted.', error);
          Notification.error(trans.__('The code could not be inserted. Open a notebook first.'));
        }
      }
    });
  }
};

async function newNotebook(app: JupyterFrontEnd): Promise<NotebookPanel> {
  const { kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const kernelName = kernelspecs.specs?.default;
  const panel: NotebookPanel = await app.commands.execute('notebook:create-new', { kernelName });
  await panel.context.ready;
  return panel;
}

/** Add a code cell below the active one, or fill that one if it is empty. */
function insertBelow({ content: notebook }: NotebookPanel, code: string): void {
  const active = notebook.activeCell?.model;
  if (active?.type !== 'code' || active.sharedModel.getSource().trim()) {
    NotebookActions.insertBelow(notebook);
    NotebookActions.changeCellType(notebook, 'code');
  }
  notebook.activeCell?.model.sharedModel.setSource(code);
  if (notebook.activeCell) {
    void notebook.scrollToCell(notebook.activeCell);
  }
}
