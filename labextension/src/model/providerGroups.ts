/** The providers as the models page shows them. */
import type { ProviderStatus } from './events';

export type ProviderGroup = ProviderStatus['group'];

export const GROUPS: readonly ProviderGroup[] = ['local', 'cloud', 'custom', 'demo'];

/**
 * The order in which providers stand: in each group those that can answer first, then those with
 * a key. The server's order decides the rest.
 */
export function providerOrder(providers: readonly ProviderStatus[]): string[] {
  const rank = ({ ready, key, running }: ProviderStatus): number =>
    ready ? 0 : key.set || running ? 1 : 2;
  return [...providers].sort((a, b) => rank(a) - rank(b)).map(({ id }) => id);
}

/**
 * The providers by group.
 *
 * @param order - Ids in the order to show; what is not in it stands last.
 * @param query - What was typed; every word of it must be in a provider's name.
 */
export function providerGroups(
  providers: readonly ProviderStatus[],
  order: readonly string[],
  query: string
): { group: ProviderGroup; providers: ProviderStatus[] }[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const place = (id: string): number => {
    const index = order.indexOf(id);
    return index < 0 ? order.length : index;
  };
  const found = providers
    .filter(({ id, label, key_variable: variable }) => {
      const text = `${id} ${label} ${variable}`.toLowerCase();
      return words.every(word => text.includes(word));
    })
    .sort((a, b) => place(a.id) - place(b.id));
  return GROUPS.map(group => ({
    group,
    providers: found.filter(provider => provider.group === group)
  }));
}

/** An id for a provider that a person named: of its name, and not taken. */
export function providerId(label: string, taken: readonly string[]): string {
  const slug =
    label
      .normalize('NFKD')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 36) || 'server';
  let id = slug;
  for (let number = 2; taken.includes(id); number++) {
    id = `${slug}-${number}`;
  }
  return id;
}
