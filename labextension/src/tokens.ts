/** Ids of this extension's plugins, commands and widgets. Importing this file has no effect. */
export const PLUGIN_ID = 'jupyter-chatide:plugin';
