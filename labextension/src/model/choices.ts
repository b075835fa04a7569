/** What the model picker offers for what was typed. */
import type { ModelInfo, ProviderStatus } from './events';

export interface IChoice {
  /** `provider/model`. */
  readonly model: string;
  readonly label: string;
  /** It was typed, and no list has it. */
  readonly typed: boolean;
  /** What is known of it; nothing of one that no list has. */
  readonly info?: ModelInfo;
}

export interface IChoiceGroup {
  readonly provider: ProviderStatus;
  readonly choices: readonly IChoice[];
  /** Matching models that are not shown. */
  readonly more: number;
}

const SHOWN = 40; // models of one provider

/**
 * The providers with those of their models that match.
 *
 * @param query - What was typed; every word of it must be in a model's name.
 * @param models - The models that a provider lists, as far as they are known.
 */
export function choiceGroups(
  query: string,
  providers: readonly ProviderStatus[],
  models: (provider: string) => readonly ModelInfo[]
): IChoiceGroup[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = providers.map(provider => {
    const found = candidates(provider, models(provider.id)).filter(({ model, label }) => {
      const text = `${model} ${label} ${provider.label}`.toLowerCase();
      return words.every(word => text.includes(word));
    });
    const choices = [...typedChoice(query, provider, found, providers), ...found.slice(0, SHOWN)];
    return { provider, choices, more: Math.max(0, found.length - SHOWN) };
  });
  if (words.length === 0) {
    return groups;
  }
  // What lists have comes before what was only typed: Enter takes the first.
  const matching = groups.filter(({ choices }) => choices.length > 0);
  const typed = matching.filter(({ choices }) => choices.every(choice => choice.typed));
  return [...matching.filter(group => !typed.includes(group)), ...typed];
}

function candidates(provider: ProviderStatus, models: readonly ModelInfo[]): IChoice[] {
  const { id, default_model: first } = provider;
  const listed = models.map(model => ({
    model: `${id}/${model.id}`,
    label: model.label && model.label !== model.id ? model.label : '',
    typed: false,
    info: model
  }));
  const known = listed.find(({ model }) => model === `${id}/${first}`);
  const rest = listed.filter(choice => choice !== known);
  return first ? [known ?? { model: `${id}/${first}`, label: '', typed: false }, ...rest] : rest;
}

/** What was typed as a model of its own: where its provider is named, or for each ready one. */
function typedChoice(
  query: string,
  provider: ProviderStatus,
  found: readonly IChoice[],
  providers: readonly ProviderStatus[]
): IChoice[] {
  const name = query.trim();
  const named = providers.find(({ id }) => name.startsWith(`${id}/`));
  if (!name || /\s/.test(name) || provider.id === 'demo' || !provider.ready) {
    return [];
  }
  const model = named ? name : `${provider.id}/${name}`;
  const elsewhere = named && named.id !== provider.id;
  const incomplete = model.endsWith('/');
  if (elsewhere || incomplete || found.some(choice => choice.model === model)) {
    return [];
  }
  // A short list of matches means the name is probably one that no list has.
  return named || found.length === 0 ? [{ model, label: '', typed: true }] : [];
}
