import type { IApi } from '../api';
import type {
  AnyEvent,
  ChatInfo,
  EndpointStatus,
  KeyCheck,
  KeyPlace,
  LocalModelList,
  PreferencesStatus,
  ProviderStatus,
  UsageStatus
} from '../model/events';
import type { IStreamOptions } from '../stream';

export const provider = (id: string, more: Partial<ProviderStatus> = {}): ProviderStatus => ({
  id,
  label: id,
  icon: '',
  group: 'cloud',
  needs_key: true,
  key_format: 'token',
  running: null,
  removable: false,
  blocked: '',
  refusal: '',
  options: [],
  key: { set: false, source: '', hint: '' },
  key_url: `https://${id}.example/keys`,
  key_variable: `${id.toUpperCase()}_API_KEY`,
  base_url: '',
  base_url_editable: false,
  local: false,
  ready: false,
  default_model: 'best',
  examples: [],
  ...more
});

export const demo = provider('demo', {
  group: 'demo',
  needs_key: false,
  ready: true,
  default_model: 'demo',
  examples: [{ title: 'Explore', prompt: 'Explore the penguins', icon: 'chart' }]
});

const info = (id: string, title = ''): ChatInfo => ({
  ...{ id, title, created: 1, modified: 1, model: '', running: false, fallback: null },
  unreadable: ''
});

/** A server at the network's edge: what it was asked, and streams that a test speaks through. */
export class FakeServer {
  calls: [string, ...unknown[]][] = [];
  providerList = [demo];
  logs: Record<string, AnyEvent[]> = {};
  failures: Record<string, Error> = {};
  streams: Omit<IStreamOptions, 'WebSocket'>[] = [];

  /** Why no chat can be opened. */
  unreadable = '';
  /** What a test of a key gives. */
  checks: KeyCheck = { ok: true, message: 'It works.', code: '', hint: '' };
  keyPlaces: KeyPlace[] = ['keyring', 'file', 'memory'];
  preferences: PreferencesStatus = {
    ...{ default_model: '', fallback: null, default_fallback: [], endpoint: false }
  };
  endpoint: EndpointStatus = {
    ...{ allowed: true, enabled: false, url: 'http://localhost/v1', tokens: [] }
  };
  local: LocalModelList = {
    ...{ available: true, reason: '', models: [] },
    serving: { state: 'idle', model: '', context: 0, seconds: 0 }
  };
  usage: UsageStatus = {
    ...{ days: 30, rows: [], budget: null },
    totals: { requests: 0, input_tokens: 0, output_tokens: 0, cost: null, unknown: 0, uncounted: 0 }
  };

  readonly openStream = (options: Omit<IStreamOptions, 'WebSocket'>) => {
    this.streams.push(options);
    options.onStatus('live');
    return { isDisposed: false, dispose: () => undefined };
  };

  /** Send events over the newest stream. */
  tell(...events: AnyEvent[]): void {
    this.streams[this.streams.length - 1].onEvents(events);
  }

  /** The chats that are at work. */
  readonly running = new Set<string>();

  readonly api: IApi = {
    providers: () =>
      this.answer('providers', {
        providers: this.providerList,
        default_model: 'demo/demo',
        key_places: this.keyPlaces
      }),
    models: id => this.answer('models', [{ id: 'best' }, { id: 'small', label: 'Small one' }], id),
    setKey: (id, change) =>
      this.answer('setKey', { set: true, source: 'file', hint: '' }, id, change),
    deleteKey: id => this.answer('deleteKey', undefined, id),
    checkKey: id => this.answer('checkKey', this.checks, id),
    putProvider: (id, custom) =>
      this.answer('putProvider', provider(id, { ...custom, group: 'custom' }), id, custom),
    deleteProvider: id => this.answer('deleteProvider', undefined, id),
    setOptions: (id, values) => this.answer('setOptions', [], id, values),
    preferences: () => this.answer('preferences', this.preferences),
    changePreferences: change => {
      this.preferences = { ...this.preferences, ...change };
      return this.answer('changePreferences', this.preferences, change);
    },
    usage: (days, chat) => this.answer('usage', this.usage, days, chat),
    endpoint: () => this.answer('endpoint', this.endpoint),
    switchEndpoint: enabled => {
      this.endpoint = { ...this.endpoint, enabled };
      return this.answer('switchEndpoint', this.endpoint, enabled);
    },
    createToken: token => {
      const info = {
        ...{ id: 'k1', label: token.label, created: 1, expires: null, last_used: null },
        ...{ budget_cost: null, budget_tokens: null, period: 'day' as const },
        ...{ spent_cost: 0, spent_tokens: 0, estimated_tokens: 0 }
      };
      this.endpoint = { ...this.endpoint, tokens: [...this.endpoint.tokens, info] };
      return this.answer('createToken', { token: 'the-secret', info }, token);
    },
    revokeToken: id => {
      const tokens = this.endpoint.tokens.filter(token => token.id !== id);
      this.endpoint = { ...this.endpoint, tokens };
      return this.answer('revokeToken', undefined, id);
    },
    localModels: () => this.answer('localModels', this.local),
    addLocalModel: path => this.answer('addLocalModel', this.local.models[0], path),
    downloadLocalModel: id => this.answer('downloadLocalModel', this.local.models[0], id),
    cancelLocalModel: id => this.answer('cancelLocalModel', this.local.models[0], id),
    removeLocalModel: id => this.answer('removeLocalModel', undefined, id),
    chats: () =>
      this.answer(
        'chats',
        Object.keys(this.logs).map(id => ({
          ...info(id, `Chat ${id}`),
          running: this.running.has(id),
          unreadable: this.unreadable
        }))
      ),
    createChat: async () => {
      this.logs.fresh = [];
      return this.answer('createChat', info('fresh'));
    },
    chat: id => this.answer('chat', info(id), id),
    changeChat: (id, change) => this.answer('changeChat', info(id, change.title ?? ''), id, change),
    resumeTurn: (id, turn, resume) => this.answer('resumeTurn', undefined, id, turn, resume),
    deleteChat: id => this.answer('deleteChat', undefined, id),
    startTurn: (id, turn) => this.answer('startTurn', 't1', id, turn),
    stop: id => this.answer('stop', undefined, id),
    run: (id, action) => this.answer('run', 'x1', id, action),
    log: id => this.answer('log', this.logs[id] ?? [], id),
    openPreview: (id, path) => this.answer('openPreview', { url: `/p/${path}`, path }, id),
    file: (id, path) => this.answer('file', new Blob(), id, path),
    sandbox: () => this.answer('sandbox', { tier: 'minimal', summary: 'Little.', dimensions: [] }),
    fileUrl: (id, path) => `/${id}/${path}`,
    absoluteUrl: path => `http://localhost${path}`,
    eventsUrl: (id, after) => `ws://${id}?after=${after}`
  };

  /** What one route was asked. */
  asked(route: string): unknown[][] {
    return this.calls.filter(([name]) => name === route).map(([, ...args]) => args);
  }

  private async answer<T>(route: string, value: unknown, ...args: unknown[]): Promise<T> {
    this.calls.push([route, ...args]);
    if (this.failures[route]) {
      throw this.failures[route];
    }
    return value as T;
  }
}
