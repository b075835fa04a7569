/** A chat's events over a WebSocket: resumed after the last one seen, reconnected by itself. */
import type { IDisposable } from '@lumino/disposable';
import type { AnyEvent } from './model/events';

export type StreamStatus = 'connecting' | 'live' | 'reconnecting' | 'gone';

const FIRST_DELAY = 500; // ms
const LONGEST_DELAY = 30_000; // ms
const DELETED = 1000; // the close code of a chat that was deleted

export interface IStreamOptions {
  /** The address of the events after the last one that was seen. */
  url: () => string;
  WebSocket: typeof WebSocket;
  onEvents: (events: AnyEvent[]) => void;
  onStatus: (status: StreamStatus) => void;
  /** Whether the chat still exists; asked when a connection fails. */
  exists: () => Promise<boolean>;
}

export class EventStream implements IDisposable {
  constructor(private readonly options: IStreamOptions) {
    window.addEventListener('online', this.connectNow);
    this.connect('connecting');
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    window.removeEventListener('online', this.connectNow);
    window.clearTimeout(this.timer);
    this.close();
  }

  private connect(status: StreamStatus): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
    this.options.onStatus(status);
    const socket = (this.socket = new this.options.WebSocket(this.options.url()));
    socket.onopen = () => {
      this.options.onStatus('live');
    };
    socket.onmessage = message => {
      this.failures = 0;
      this.options.onEvents((JSON.parse(message.data) as { events: AnyEvent[] }).events);
    };
    socket.onclose = event => {
      this.closed(event.code === DELETED);
    };
  }

  private readonly connectNow = (): void => {
    if (this.timer !== undefined) {
      this.connect('reconnecting');
    }
  };

  private closed(deleted: boolean): void {
    this.socket = null;
    if (deleted) {
      this.options.onStatus('gone');
      return;
    }
    this.options.onStatus('reconnecting');
    const delay = Math.min(FIRST_DELAY * 2 ** this.failures, LONGEST_DELAY);
    this.failures += 1;
    // Spread, so that many readers do not come back to a restarted server at once.
    this.timer = window.setTimeout(() => void this.retry(), delay * (0.75 + Math.random() / 2));
  }

  private async retry(): Promise<void> {
    const { timer } = this;
    const exists = this.failures > 1 ? await this.options.exists() : true;
    if (this.disposed || this.timer !== timer) {
      return; // Disposed of, or connected already because the network is back.
    }
    if (exists) {
      this.connect('reconnecting');
    } else {
      this.timer = undefined;
      this.options.onStatus('gone');
    }
  }

  private close(): void {
    const { socket } = this;
    this.socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  private disposed = false;
  private failures = 0;
  private socket: WebSocket | null = null;
  private timer: number | undefined;
}
