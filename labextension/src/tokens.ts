/** Ids and tokens of this extension. Importing this file has no effect. */
import { Token } from '@lumino/coreutils';
import type { ChatIDE } from './model/chatide';

export const NAME = 'jupyter-chatide';

export namespace PluginIDs {
  export const model = 'jupyter-chatide:model';
  export const panel = 'jupyter-chatide:panel';
  export const preview = 'jupyter-chatide:preview';
  export const notebook = 'jupyter-chatide:notebook';
  export const launcher = 'jupyter-chatide:launcher';
}

export namespace CommandIDs {
  export const focus = 'chatide:focus';
  export const newChat = 'chatide:new-chat';
  export const stop = 'chatide:stop';
  export const connect = 'chatide:connect-model';
  export const openPreview = 'chatide:open-preview';
  export const insert = 'chatide:insert-into-notebook';
}

/** What all parts of the extension share: the chats, the providers, what is open. */
export const IChatIDE = new Token<ChatIDE>(
  'jupyter-chatide:IChatIDE',
  'The chats of Jupyter ChatIDE, the model providers, and what is open.'
);
