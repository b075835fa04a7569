/** Something that the server has, as it was when it was last asked for. */
import { explain } from '../api';
import type { ErrorInfo } from './events';
import { Store } from './store';

export interface IRemote<T> {
  /** Null until it was read once. */
  readonly value: T | null;
  readonly loading: boolean;
  /** Why it could not be read the last time. */
  readonly problem: ErrorInfo | null;
}

export class Remote<T> {
  constructor(private readonly read: () => Promise<T>) {}

  readonly store = new Store<IRemote<T>>({ value: null, loading: false, problem: null });

  /** Read it. Of several readings at once, the one asked for last counts. */
  async load(): Promise<void> {
    const turn = ++this.asked;
    this.store.set({ loading: true });
    try {
      const value = await this.read();
      this.settle(turn, { value, problem: null });
    } catch (error) {
      this.settle(turn, { problem: explain(error) });
    }
  }

  /** Take what the server answered to a change; readings on their way are older. */
  set(value: T): void {
    this.asked += 1;
    this.store.set({ value, loading: false, problem: null });
  }

  private settle(turn: number, change: Partial<IRemote<T>>): void {
    if (turn === this.asked) {
      this.store.set({ ...change, loading: false });
    }
  }

  private asked = 0;
}
