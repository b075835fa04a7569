import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs, IChatIDE, NAME, PluginIDs } from '../tokens';

/** A card in the launcher that begins a chat. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.launcher,
  description: 'Adds a ChatIDE card to the launcher.',
  autoStart: true,
  requires: [IChatIDE, ILauncher],
  optional: [ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    _chatide,
    launcher: ILauncher,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(NAME);
    launcher.add({
      command: CommandIDs.newChat,
      args: { isLauncher: true },
      category: trans.__('Other'),
      rank: 10
    });
  }
};
