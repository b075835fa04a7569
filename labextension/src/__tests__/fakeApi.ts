import type { IApi } from '../api';
import type { AnyEvent, ChatInfo, ProviderStatus } from '../model/events';
import type { IStreamOptions } from '../stream';

export const provider = (id: string, more: Partial<ProviderStatus> = {}): ProviderStatus => ({
  id,
  label: id,
  icon: '',
  needs_key: true,
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
  needs_key: false,
  ready: true,
  default_model: 'demo',
  examples: [{ title: 'Explore', prompt: 'Explore the penguins', icon: 'chart' }]
});

const info = (id: string, title = ''): ChatInfo => ({
  ...{ id, title, created: 1, modified: 1, model: '', running: false }
});

/** A server at the network's edge: what it was asked, and streams that a test speaks through. */
export class FakeServer {
  calls: [string, ...unknown[]][] = [];
  providerList = [demo];
  logs: Record<string, AnyEvent[]> = {};
  failures: Record<string, Error> = {};
  streams: Omit<IStreamOptions, 'WebSocket'>[] = [];

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
      this.answer('providers', { providers: this.providerList, default_model: 'demo/demo' }),
    models: id => this.answer('models', [{ id: 'best' }, { id: 'small', label: 'Small one' }], id),
    setKey: (id, change) =>
      this.answer('setKey', { set: true, source: 'file', hint: '' }, id, change),
    deleteKey: id => this.answer('deleteKey', undefined, id),
    checkKey: id =>
      this.answer('checkKey', { ok: true, message: 'It works.', code: '', hint: '' }, id),
    chats: () =>
      this.answer(
        'chats',
        Object.keys(this.logs).map(id => ({
          ...info(id, `Chat ${id}`),
          running: this.running.has(id)
        }))
      ),
    createChat: async () => {
      this.logs.fresh = [];
      return this.answer('createChat', info('fresh'));
    },
    chat: id => this.answer('chat', info(id), id),
    renameChat: (id, title) => this.answer('renameChat', info(id, title), id, title),
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
