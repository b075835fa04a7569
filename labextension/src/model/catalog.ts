/** The providers' live lists of models, each asked for when it is first looked at. */
import type { IApi } from '../api';
import { explain } from '../api';
import type { ErrorInfo, ModelInfo } from './events';
import { Store } from './store';

export interface IListing {
  readonly models: readonly ModelInfo[];
  readonly loading: boolean;
  readonly problem: ErrorInfo | null;
}

const NOTHING: IListing = { models: [], loading: false, problem: null };

export class ModelCatalog {
  constructor(private readonly api: IApi) {}

  readonly store = new Store<Record<string, IListing>>({});

  listing(provider: string): IListing {
    return this.store.get()[provider] ?? NOTHING;
  }

  /** Ask a provider for its models, unless its list is there or on its way. */
  async load(provider: string): Promise<void> {
    const { models, loading } = this.listing(provider);
    if (loading || models.length > 0) {
      return;
    }
    const asking: IListing = { models, loading: true, problem: null };
    this.store.set({ [provider]: asking });
    const listing = await this.ask(provider);
    // What was asked with a key that has changed since says nothing any more.
    if (this.listing(provider) === asking) {
      this.store.set({ [provider]: listing });
    }
  }

  /** A provider's key or address has changed: its list is another one. */
  forget(provider: string): void {
    this.store.set({ [provider]: NOTHING });
  }

  private async ask(provider: string): Promise<IListing> {
    try {
      return { models: await this.api.models(provider), loading: false, problem: null };
    } catch (error) {
      return { models: [], loading: false, problem: explain(error) };
    }
  }
}
