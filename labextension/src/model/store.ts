/** A value that views follow. */
export class Store<T extends object> {
  constructor(private value: T) {}

  readonly get = (): T => this.value;

  /** Change some fields; listeners hear of it when one really differs. */
  set(change: Partial<T>): void {
    const keys = Object.keys(change) as (keyof T)[];
    if (keys.some(key => change[key] !== this.value[key])) {
      this.value = { ...this.value, ...change };
      for (const listener of [...this.listeners]) {
        listener();
      }
    }
  }

  /** @returns A function that ends the subscription. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  private readonly listeners = new Set<() => void>();
}
