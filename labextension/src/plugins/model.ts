import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Debouncer } from '@lumino/polling';
import { Api } from '../api';
import { ChatIDE } from '../model/chatide';
import { DEFAULT_SETTINGS } from '../model/panelState';
import type { IMemory, ISettings } from '../model/panelState';
import { EventStream } from '../stream';
import { IChatIDE, NAME, PluginIDs } from '../tokens';

const SAVE_DELAY = 500; // ms

/** The chats and providers, which all other plugins show. */
export const modelPlugin: JupyterFrontEndPlugin<ChatIDE> = {
  id: PluginIDs.model,
  description: 'Provides the chats of Jupyter ChatIDE and its model providers.',
  autoStart: true,
  provides: IChatIDE,
  optional: [ISettingRegistry, IStateDB, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    settingRegistry: ISettingRegistry | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ): ChatIDE => {
    const trans = (translator ?? nullTranslator).load(NAME);
    const { serverSettings } = app.serviceManager;
    const saving = new Debouncer(
      (memory: IMemory) => state?.save(NAME, memory as ReadonlyPartialJSONObject),
      SAVE_DELAY
    );
    const chatide = new ChatIDE({
      api: new Api(serverSettings, trans),
      openStream: options => new EventStream({ ...options, WebSocket: serverSettings.WebSocket }),
      remember: memory => void saving.invoke(memory)
    });
    const begin = async (): Promise<void> => {
      await readSettings(chatide, settingRegistry);
      const memory = (await state?.fetch(NAME)) as IMemory | undefined;
      await chatide.start(memory);
    };
    void app.restored.then(begin);
    return chatide;
  }
};

async function readSettings(chatide: ChatIDE, registry: ISettingRegistry | null): Promise<void> {
  try {
    const settings = await registry?.load(PluginIDs.model);
    const read = (): void => {
      chatide.settings.set((settings?.composite ?? DEFAULT_SETTINGS) as Partial<ISettings>);
    };
    settings?.changed.connect(read);
    read();
  } catch (error) {
    console.warn('The settings of ChatIDE could not be read; the defaults hold.', error);
  }
}
