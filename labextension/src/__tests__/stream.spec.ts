import { EventStream } from '../stream';
import type { StreamStatus } from '../stream';

class FakeSocket {
  static all: FakeSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  close(): void {
    this.closed = true;
  }

  send(...numbers: number[]): void {
    this.onmessage?.({ data: JSON.stringify({ events: numbers.map(n => ({ n })) }) });
  }
}

describe('the event stream', () => {
  let stream: EventStream;
  let seen: number[];
  let statuses: StreamStatus[];
  let exists: boolean | Promise<boolean>;
  const last = (): FakeSocket => FakeSocket.all[FakeSocket.all.length - 1];

  beforeEach(() => {
    jest.useFakeTimers();
    FakeSocket.all = [];
    seen = [];
    statuses = [];
    exists = true;
    stream = new EventStream({
      url: () => `after=${seen[seen.length - 1] ?? 0}`,
      WebSocket: FakeSocket as unknown as typeof WebSocket,
      onEvents: events => seen.push(...events.map(({ n }) => n)),
      onStatus: status => statuses.push(status),
      exists: async () => exists
    });
  });

  afterEach(() => {
    stream.dispose();
    jest.useRealTimers();
  });

  it('comes back after the last event that was seen', async () => {
    last().onopen?.();
    last().send(1, 2);
    last().onclose?.({ code: 1006 });
    expect(statuses).toEqual(['connecting', 'live', 'reconnecting']);
    await jest.advanceTimersByTimeAsync(700);
    expect(FakeSocket.all.map(({ url }) => url)).toEqual(['after=0', 'after=2']);
  });

  it('waits longer each time that it fails', async () => {
    for (let failure = 0; failure < 5; failure++) {
      last().onclose?.({ code: 1006 });
      await jest.advanceTimersByTimeAsync(500 * 2 ** failure * 0.7);
      expect(FakeSocket.all).toHaveLength(failure + 1);
      await jest.advanceTimersByTimeAsync(500 * 2 ** failure * 0.6);
      expect(FakeSocket.all).toHaveLength(failure + 2);
    }
  });

  it('tries at once when the network is back', () => {
    last().onclose?.({ code: 1006 });
    window.dispatchEvent(new Event('online'));
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('connects once when the network is back while it asks whether the chat exists', async () => {
    let answer: (exists: boolean) => void = () => undefined;
    exists = new Promise<boolean>(resolve => (answer = resolve));
    last().onclose?.({ code: 1006 });
    await jest.advanceTimersByTimeAsync(700);
    last().onclose?.({ code: 1006 });
    await jest.advanceTimersByTimeAsync(1300);
    window.dispatchEvent(new Event('online'));
    answer(true);
    await jest.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toHaveLength(3);
  });

  it('ends with a chat that was deleted', async () => {
    last().onclose?.({ code: 1000 });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(statuses.pop()).toBe('gone');
  });

  it('ends with a chat that is not there any more when it comes back', async () => {
    exists = false;
    last().onclose?.({ code: 1006 });
    await jest.advanceTimersByTimeAsync(700);
    last().onclose?.({ code: 1006 });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(statuses.pop()).toBe('gone');
  });

  it('closes its socket when it is disposed of', () => {
    stream.dispose();
    expect(last().closed).toBe(true);
    expect(last().onmessage).toBeNull();
  });
});
