/** What a chat's preview panel shows: one of the chat's previews, the newest unless told else. */
import type { Preview } from './chat';
import { Store } from './store';

export interface IPreviewingState {
  readonly previews: readonly Preview[];
  /** The key of the one shown; empty while there is none. */
  readonly key: string;
  /** Show what is newest, as it comes. */
  readonly follow: boolean;
}

export class Previewing {
  readonly store = new Store<IPreviewingState>({
    previews: [],
    key: '',
    follow: true
  });

  /** The one that is shown. */
  get current(): Preview | undefined {
    const { previews, key } = this.store.get();
    return previews.find(preview => preview.key === key);
  }

  /** Its place among all, from 0; -1 while there is none. */
  get index(): number {
    const { previews, key } = this.store.get();
    return previews.findIndex(preview => preview.key === key);
  }

  /** Take the chat's previews as they are now. */
  update(previews: readonly Preview[]): void {
    const { key, follow, previews: before } = this.store.get();
    const newest = previews[previews.length - 1]?.key ?? '';
    const kept = previews.some(preview => preview.key === key);
    const added = newest !== (before[before.length - 1]?.key ?? '');
    this.store.set({
      previews,
      key: !kept || (follow && added) ? newest : key
    });
  }

  /** Show one; an older one stays while newer ones come. */
  select(key: string): void {
    const { previews } = this.store.get();
    const newest = previews[previews.length - 1]?.key;
    if (previews.some(preview => preview.key === key)) {
      this.store.set({ key, follow: key === newest });
    }
  }

  /** Go to the one that is so many places on. */
  step(by: number): void {
    const { previews } = this.store.get();
    const next = previews[this.index + by];
    if (next) {
      this.select(next.key);
    }
  }

  setFollow(follow: boolean): void {
    const { previews, key } = this.store.get();
    this.store.set({
      follow,
      key: follow ? (previews[previews.length - 1]?.key ?? '') : key
    });
  }
}
