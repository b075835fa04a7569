/** Models by name, and the providers behind them. */
import type { IPanelState } from './panelState';
import type { ProviderStatus } from './events';

/** The model that is asked next, as `provider/model`; empty while none is known. */
export function chosenModel({ model, defaultModel, providers }: IPanelState): string {
  const known = providers.length === 0 || !!providerOf(model, providers);
  return model && known ? model : defaultModel;
}

/** The provider of a model that is named `provider/model`. */
export function providerOf(
  model: string,
  providers: readonly ProviderStatus[]
): ProviderStatus | undefined {
  const id = model.split('/', 1)[0];
  return providers.find(provider => provider.id === id);
}

/** A model's name without its provider. */
export function modelName(model: string): string {
  return model.slice(model.indexOf('/') + 1);
}

/** Whether only the demo can answer. */
export function isDemoOnly({ providers, readiness }: IPanelState): boolean {
  return readiness === 'ready' && !providers.some(({ id, ready }) => ready && id !== 'demo');
}

/** Whether the demo was asked what it has no recorded reply to. */
export function isBeyondDemo(
  { model, prompt }: { model: string; prompt: string },
  { providers }: IPanelState
): boolean {
  const demo = providerOf(model, providers);
  return demo?.id === 'demo' && !demo.examples.some(example => example.prompt === prompt.trim());
}
