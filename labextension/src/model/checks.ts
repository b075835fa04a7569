/** What the last real call to each provider gave, as long as its key and address stay. */
import type { KeyCheck } from './events';
import { Store } from './store';

export class Checks {
  readonly store = new Store<Record<string, KeyCheck | undefined>>({});

  of(provider: string): KeyCheck | undefined {
    return this.store.get()[provider];
  }

  note(provider: string, check: KeyCheck): void {
    this.store.set({ [provider]: check });
  }

  forget(provider: string): void {
    this.store.set({ [provider]: undefined });
  }
}
