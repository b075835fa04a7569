import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-chatide:panel',
  autoStart: true,
  activate: () => {
    console.debug('jupyter-chatide');
  }
};

export default [plugin];
