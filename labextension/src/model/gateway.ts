/** What the server knows of the gateway, beside its providers: each read when it is looked at. */
import type { IApi } from '../api';
import type { EndpointStatus, LocalModelList, PreferencesStatus, UsageStatus } from './events';
import { Remote } from './remote';

export const USAGE_DAYS = 30;

export class GatewayModel {
  constructor(api: IApi) {
    this.preferences = new Remote(() => api.preferences());
    this.endpoint = new Remote(() => api.endpoint());
    this.local = new Remote(() => api.localModels());
    this.usage = new Remote(() => api.usage(USAGE_DAYS));
  }

  readonly preferences: Remote<PreferencesStatus>;
  readonly endpoint: Remote<EndpointStatus>;
  readonly local: Remote<LocalModelList>;
  readonly usage: Remote<UsageStatus>;
}

/** Whether a model file is on its way, to the disk or into memory: soon more is known of it. */
export function isMoving({ models, serving }: LocalModelList): boolean {
  return (
    serving.state === 'loading' ||
    models.some(({ state }) => state === 'downloading' || state === 'verifying')
  );
}
