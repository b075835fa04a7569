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
    this.store.set({ [provider]: { models, loading: true, problem: null } });
    try {
      const fresh = await this.api.models(provider);
      this.store.set({
        [provider]: { models: fresh, loading: false, problem: null }
      });
    } catch (error) {
      this.store.set({
        [provider]: { models, loading: false, problem: explain(error) }
      });
    }
  }

  /** A provider's key or address has changed: its list is another one. */
  forget(provider: string): void {
    this.store.set({ [provider]: NOTHING });
  }
}
