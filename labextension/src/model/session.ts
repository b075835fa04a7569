/** One open chat: its state, kept up to date by the server's events. */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IApi } from '../api';
import { ApiError, explain } from '../api';
import type { IStreamOptions, StreamStatus } from '../stream';
import { EMPTY_CHAT, isBusy } from './chat';
import type { IChatState, Preview } from './chat';
import type { AnyEvent, ErrorInfo } from './events';
import { fold } from './fold';
import { Store } from './store';

export interface ISessionState {
  readonly chat: IChatState;
  /** `loading` until the log is read; `failed` when it could not be. */
  readonly status: 'loading' | 'failed' | StreamStatus;
  readonly problem: ErrorInfo | null;
  /** Stop was asked for and has not ended everything yet. */
  readonly stopping: boolean;
}

/** Opens the event stream of a chat; a test gives its own. */
export type OpenStream = (options: Omit<IStreamOptions, 'WebSocket'>) => IDisposable;

export class ChatSession implements IDisposable {
  constructor(
    readonly id: string,
    private readonly api: IApi,
    private readonly openStream: OpenStream
  ) {}

  readonly store = new Store<ISessionState>({
    chat: EMPTY_CHAT,
    status: 'loading',
    problem: null,
    stopping: false
  });

  get chat(): IChatState {
    return this.store.get().chat;
  }

  get busy(): boolean {
    return isBusy(this.chat);
  }

  /** Something new can be previewed. Told of what happens now, never of the log's past. */
  get previewed(): ISignal<this, Preview> {
    return this._previewed;
  }

  /** Events came in, from the log or live. */
  get changed(): ISignal<this, readonly AnyEvent[]> {
    return this._changed;
  }

  /**
   * Read the log, then follow it.
   *
   * @param fresh - The chat was made just now: there is no past to read.
   */
  async open(fresh = false): Promise<void> {
    if (!fresh) {
      this.store.set({ status: 'loading', problem: null });
      try {
        this.take(await this.api.log(this.id));
      } catch (error) {
        if (!this.disposed) {
          const gone = error instanceof ApiError && error.status === 404;
          this.store.set({
            status: gone ? 'gone' : 'failed',
            problem: explain(error)
          });
        }
        return;
      }
    }
    if (!this.disposed) {
      this.stream = this.openStream({
        url: () => this.api.eventsUrl(this.id, this.chat.n),
        exists: () => this.exists(),
        onStatus: status => this.store.set({ status }),
        onEvents: events => this.takeLive(events)
      });
    }
  }

  /** End the model call, the run and its processes. */
  async stop(): Promise<void> {
    this.store.set({ stopping: true });
    try {
      await this.api.stop(this.id);
    } finally {
      this.store.set({ stopping: false });
    }
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    if (!this.disposed) {
      this.disposed = true;
      this.stream?.dispose();
      Signal.clearData(this);
    }
  }

  private take(events: readonly AnyEvent[]): void {
    this.store.set({ chat: fold(this.chat, events) });
    this._changed.emit(events);
  }

  private takeLive(events: readonly AnyEvent[]): void {
    const before = this.chat.previews;
    this.take(events);
    const newest = this.chat.previews[this.chat.previews.length - 1];
    if (newest && isNews(newest, before)) {
      this._previewed.emit(newest);
    }
  }

  private async exists(): Promise<boolean> {
    try {
      await this.api.chat(this.id);
      return true;
    } catch (error) {
      return !(error instanceof ApiError && error.status === 404);
    }
  }

  private readonly _previewed = new Signal<this, Preview>(this);
  private readonly _changed = new Signal<this, readonly AnyEvent[]>(this);
  private disposed = false;
  private stream: IDisposable | null = null;
}

function isNews(preview: Preview, before: readonly Preview[]): boolean {
  const known = before.find(({ key }) => key === preview.key);
  return !known || (known.type === 'page' && preview.type === 'page' && known.n !== preview.n);
}
