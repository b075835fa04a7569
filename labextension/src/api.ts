/** The server's REST routes. Nothing here keeps state. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type {
  AnyEvent,
  ChatInfo,
  ErrorInfo,
  KeyCheck,
  KeyStatus,
  ModelInfo,
  NewTurn,
  OpenedPreview,
  ProviderList,
  SandboxReport,
  SetKey
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
  chats(search?: string): Promise<ChatInfo[]>;
  createChat(): Promise<ChatInfo>;
  chat(id: string): Promise<ChatInfo>;
  renameChat(id: string, title: string): Promise<ChatInfo>;
  deleteChat(id: string): Promise<void>;
  startTurn(chat: string, turn: NewTurn): Promise<string>;
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
  constructor(readonly settings: ServerConnection.ISettings) {}

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

  renameChat(id: string, title: string): Promise<ChatInfo> {
    return this.json('PATCH', `chats/${encode(id)}`, { title });
  }

  async deleteChat(id: string): Promise<void> {
    await this.request('DELETE', `chats/${encode(id)}`);
  }

  async startTurn(chat: string, turn: NewTurn): Promise<string> {
    return (await this.json<{ turn: string }>('POST', `chats/${encode(chat)}/turns`, turn)).turn;
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
          message: 'The Jupyter server cannot be reached.',
          code: 'offline',
          hint: 'Check that it is running, then try again.'
        },
        0
      );
    }
    if (!response.ok) {
      throw new ApiError(await errorInfo(response), response.status);
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

async function errorInfo(response: Response): Promise<ErrorInfo> {
  try {
    const { message, code, hint } = await response.json();
    if (typeof message === 'string') {
      return { message, code: code ?? '', hint: hint ?? '' };
    }
  } catch {
    // No JSON: a proxy in between answered.
  }
  const missing = response.status === 404;
  return {
    message: missing
      ? 'The ChatIDE server extension is not running.'
      : `The server answered ${response.status} ${response.statusText}.`.replace(' .', '.'),
    code: `http_${response.status}`,
    hint: missing
      ? 'Enable it with: jupyter server extension enable jupyter_chatide'
      : 'Try again in a moment.'
  };
}

function workspacePath(chat: string, path: string): string {
  return `chats/${encode(chat)}/workspace/${path.split('/').map(encode).join('/')}`;
}

function encode(part: string): string {
  return encodeURIComponent(part);
}
