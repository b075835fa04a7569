/** The server's REST routes. Nothing here keeps state. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import type {
  AnyEvent,
  ChatChange,
  ChatInfo,
  CreatedToken,
  CustomProvider,
  EndpointStatus,
  ErrorInfo,
  KeyCheck,
  KeyStatus,
  LocalModel,
  LocalModelList,
  ModelInfo,
  NewToken,
  NewTurn,
  OpenedPreview,
  OptionStatus,
  PreferencesChange,
  PreferencesStatus,
  ProviderList,
  ProviderStatus,
  ResumeTurn,
  SandboxReport,
  SetKey,
  UsageStatus
} from './model/events';

/** An error that the server explains, or that the connection to it met. */
export class ApiError extends Error {
  constructor(
    readonly info: ErrorInfo,
    readonly status: number
  ) {
    super(info.message);
    this.name = 'ApiError';
  }
}

/** What the panel needs of the server; tests give their own. */
export interface IApi {
  providers(): Promise<ProviderList>;
  models(provider: string): Promise<ModelInfo[]>;
  setKey(provider: string, change: SetKey): Promise<KeyStatus>;
  deleteKey(provider: string): Promise<void>;
  checkKey(provider: string): Promise<KeyCheck>;
  /** Name an OpenAI-compatible server of one's own, or change what was named. */
  putProvider(id: string, provider: CustomProvider): Promise<ProviderStatus>;
  deleteProvider(id: string): Promise<void>;
  /** Set some of a provider's options; an empty value is the default again. */
  setOptions(provider: string, values: Record<string, string>): Promise<OptionStatus[]>;
  preferences(): Promise<PreferencesStatus>;
  changePreferences(change: PreferencesChange): Promise<PreferencesStatus>;
  /** What was used in the last days, today included; of one chat if it is given. */
  usage(days: number, chat?: string): Promise<UsageStatus>;
  endpoint(): Promise<EndpointStatus>;
  switchEndpoint(enabled: boolean): Promise<EndpointStatus>;
  createToken(token: NewToken): Promise<CreatedToken>;
  revokeToken(id: string): Promise<void>;
  localModels(): Promise<LocalModelList>;
  addLocalModel(path: string): Promise<LocalModel>;
  downloadLocalModel(id: string): Promise<LocalModel>;
  cancelLocalModel(id: string): Promise<LocalModel>;
  removeLocalModel(id: string): Promise<void>;
  chats(search?: string): Promise<ChatInfo[]>;
  createChat(): Promise<ChatInfo>;
  chat(id: string): Promise<ChatInfo>;
  changeChat(id: string, change: ChatChange): Promise<ChatInfo>;
  deleteChat(id: string): Promise<void>;
  startTurn(chat: string, turn: NewTurn): Promise<string>;
  /** Have the last turn, if it failed or was stopped, go on. */
  resumeTurn(chat: string, turn: string, resume: ResumeTurn): Promise<void>;
  stop(chat: string): Promise<void>;
  run(chat: string, action: string): Promise<string>;
  /** The chat's log as it stands. */
  log(chat: string): Promise<AnyEvent[]>;
  openPreview(chat: string, path: string): Promise<OpenedPreview>;
  /** A file of the workspace. */
  file(chat: string, path: string): Promise<Blob>;
  sandbox(): Promise<SandboxReport>;
  /** Where a workspace file is downloaded from. */
  fileUrl(chat: string, path: string): string;
  /** A URL path that the server gave, as an absolute URL. */
  absoluteUrl(path: string): string;
  /** Where the chat's events come from, as a WebSocket URL, after event number `after`. */
  eventsUrl(chat: string, after: number): string;
}

export class Api implements IApi {
  constructor(
    readonly settings: ServerConnection.ISettings,
    private readonly trans: TranslationBundle = nullTranslator.load('')
  ) {}

  providers(): Promise<ProviderList> {
    return this.json('GET', 'providers');
  }

  async models(provider: string): Promise<ModelInfo[]> {
    const query = URLExt.objectToQueryString({ provider });
    return (await this.json<{ models: ModelInfo[] }>('GET', `models${query}`)).models;
  }

  setKey(provider: string, change: SetKey): Promise<KeyStatus> {
    return this.json('PUT', `keys/${encode(provider)}`, change);
  }

  async deleteKey(provider: string): Promise<void> {
    await this.request('DELETE', `keys/${encode(provider)}`);
  }

  checkKey(provider: string): Promise<KeyCheck> {
    return this.json('POST', `keys/${encode(provider)}/check`);
  }

  putProvider(id: string, provider: CustomProvider): Promise<ProviderStatus> {
    return this.json('PUT', `providers/${encode(id)}`, provider);
  }

  async deleteProvider(id: string): Promise<void> {
    await this.request('DELETE', `providers/${encode(id)}`);
  }

  setOptions(provider: string, values: Record<string, string>): Promise<OptionStatus[]> {
    return this.json('PUT', `providers/${encode(provider)}/options`, values);
  }

  preferences(): Promise<PreferencesStatus> {
    return this.json('GET', 'preferences');
  }

  changePreferences(change: PreferencesChange): Promise<PreferencesStatus> {
    return this.json('PATCH', 'preferences', change);
  }

  usage(days: number, chat = ''): Promise<UsageStatus> {
    return this.json('GET', `usage${URLExt.objectToQueryString({ days, chat })}`);
  }

  endpoint(): Promise<EndpointStatus> {
    return this.json('GET', 'endpoint');
  }

  switchEndpoint(enabled: boolean): Promise<EndpointStatus> {
    return this.json('PATCH', 'endpoint', { enabled });
  }

  createToken(token: NewToken): Promise<CreatedToken> {
    return this.json('POST', 'endpoint/tokens', token);
  }

  async revokeToken(id: string): Promise<void> {
    await this.request('DELETE', `endpoint/tokens/${encode(id)}`);
  }

  localModels(): Promise<LocalModelList> {
    return this.json('GET', 'local');
  }

  addLocalModel(path: string): Promise<LocalModel> {
    return this.json('POST', 'local', { path });
  }

  downloadLocalModel(id: string): Promise<LocalModel> {
    return this.json('POST', `local/${encode(id)}/download`);
  }

  cancelLocalModel(id: string): Promise<LocalModel> {
    return this.json('POST', `local/${encode(id)}/cancel`);
  }

  async removeLocalModel(id: string): Promise<void> {
    await this.request('DELETE', `local/${encode(id)}`);
  }

  async chats(search = ''): Promise<ChatInfo[]> {
    const query = search ? URLExt.objectToQueryString({ search }) : '';
    return (await this.json<{ chats: ChatInfo[] }>('GET', `chats${query}`)).chats;
  }

  createChat(): Promise<ChatInfo> {
    return this.json('POST', 'chats', {});
  }

  chat(id: string): Promise<ChatInfo> {
    return this.json('GET', `chats/${encode(id)}`);
  }

  changeChat(id: string, change: ChatChange): Promise<ChatInfo> {
    return this.json('PATCH', `chats/${encode(id)}`, change);
  }

  async deleteChat(id: string): Promise<void> {
    await this.request('DELETE', `chats/${encode(id)}`);
  }

  async startTurn(chat: string, turn: NewTurn): Promise<string> {
    return (await this.json<{ turn: string }>('POST', `chats/${encode(chat)}/turns`, turn)).turn;
  }

  async resumeTurn(chat: string, turn: string, resume: ResumeTurn): Promise<void> {
    await this.request('POST', `chats/${encode(chat)}/turns/${encode(turn)}/resume`, resume);
  }

  async stop(chat: string): Promise<void> {
    await this.request('POST', `chats/${encode(chat)}/stop`);
  }

  async run(chat: string, action: string): Promise<string> {
    return (
      await this.json<{ run: string }>('POST', `chats/${encode(chat)}/runs`, {
        action
      })
    ).run;
  }

  async log(chat: string): Promise<AnyEvent[]> {
    const response = await this.request('GET', `chats/${encode(chat)}/events`);
    const lines = (await response.text()).split('\n');
    return lines.filter(line => line).map(line => JSON.parse(line) as AnyEvent);
  }

  openPreview(chat: string, path: string): Promise<OpenedPreview> {
    return this.json('POST', `chats/${encode(chat)}/previews`, { path });
  }

  async file(chat: string, path: string): Promise<Blob> {
    const response = await this.request('GET', workspacePath(chat, path));
    return response.blob();
  }

  sandbox(): Promise<SandboxReport> {
    return this.json('GET', 'sandbox');
  }

  fileUrl(chat: string, path: string): string {
    return `${this.settings.baseUrl}api/chatide/${workspacePath(chat, path)}`;
  }

  absoluteUrl(path: string): string {
    return new URL(path, new URL(this.settings.baseUrl, location.href)).href;
  }

  eventsUrl(chat: string, after: number): string {
    const { wsUrl, appendToken, token } = this.settings;
    const url = URLExt.join(wsUrl, 'api/chatide/chats', encode(chat), 'events');
    const query = appendToken && token ? { after, token } : { after };
    return url + URLExt.objectToQueryString(query);
  }

  private async json<T>(method: string, path: string, body?: object): Promise<T> {
    return (await this.request(method, path, body)).json();
  }

  private async request(method: string, path: string, body?: object): Promise<Response> {
    const url = `${this.settings.baseUrl}api/chatide/${path}`;
    const init: RequestInit = { method };
    if (body) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch {
      throw new ApiError(
        {
          message: this.trans.__('The Jupyter server cannot be reached.'),
          code: 'offline',
          hint: this.trans.__('Check that it is running, then try again.')
        },
        0
      );
    }
    if (!response.ok) {
      throw new ApiError(await errorInfo(response, this.trans), response.status);
    }
    return response;
  }
}

/** What to say of anything that was thrown. */
export function explain(error: unknown): ErrorInfo {
  if (error instanceof ApiError) {
    return error.info;
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message, code: 'internal', hint: '' };
}

async function errorInfo(response: Response, trans: TranslationBundle): Promise<ErrorInfo> {
  const { status, statusText } = response;
  try {
    const { message, code, hint } = await response.json();
    if (typeof message === 'string') {
      return { message, code: code ?? '', hint: hint ?? '' };
    }
  } catch {
    // No JSON: a proxy in between answered.
  }
  const code = `http_${status}`;
  if (status === 404) {
    return {
      message: trans.__('The ChatIDE server extension is not running.'),
      code,
      hint: trans.__('Enable it with: %1', 'jupyter server extension enable jupyter_chatide')
    };
  }
  return {
    message: trans.__('The server answered %1.', `${status} ${statusText}`.trim()),
    code,
    hint: trans.__('Try again in a moment.')
  };
}

function workspacePath(chat: string, path: string): string {
  return `chats/${encode(chat)}/workspace/${path.split('/').map(encode).join('/')}`;
}

function encode(part: string): string {
  return encodeURIComponent(part);
}
