/** What helps against an error, by its code. */

export type Remedy = 'keys' | 'usage' | 'model' | 'retry' | 'none';

const REMEDIES: Record<string, Remedy> = {
  authentication: 'keys',
  permission: 'keys',
  quota: 'keys',
  key_store: 'keys',
  demo: 'keys',
  budget: 'usage',
  policy: 'model',
  model_not_found: 'model',
  context_too_long: 'model',
  content_refused: 'none',
  request_refused: 'model',
  invalid_request: 'none',
  conflict: 'none',
  not_found: 'none',
  forbidden: 'none'
};

/** What a person can do about an error; most pass when one tries again. */
export function remedy(code: string): Remedy {
  return REMEDIES[code] ?? 'retry';
}
