import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs, NAME, PluginIDs } from '../tokens';

/** A card in the launcher that begins a chat. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.launcher,
  description: 'Adds a ChatIDE card to the launcher.',
  autoStart: true,
  requires: [ILauncher],
  optional: [ITranslator],
  activate: (_app: JupyterFrontEnd, launcher: ILauncher, translator: ITranslator | null): void => {
    const trans = (translator ?? nullTranslator).load(NAME);
    launcher.add({
      command: CommandIDs.newChat,
      args: { isLauncher: true },
      category: trans.__('Other'),
      rank: 10
    });
  }
};
