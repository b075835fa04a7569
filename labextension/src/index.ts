import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { launcherPlugin } from './plugins/launcher';
import { modelPlugin } from './plugins/model';
import { notebookPlugin } from './plugins/notebook';
import { panelPlugin } from './plugins/panel';
import { previewPlugin } from './plugins/preview';

export { IChatIDE } from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  modelPlugin,
  panelPlugin,
  previewPlugin,
  notebookPlugin,
  launcherPlugin
];

export default plugins;
