import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { IChoice } from '../model/choices';
import type { ModelInfo, ProviderStatus } from '../model/events';
import { price, tokens } from '../model/wording';
import { useServices } from './services';

export interface IModelFactsProps {
  choice: IChoice;
  provider: ProviderStatus;
}

/** What is known of a model: its label, how much it reads, what it can, what it costs. */
export function ModelFacts({ choice, provider }: IModelFactsProps): JSX.Element | null {
  const { trans } = useServices();
  const { label, info = { id: '' } } = choice;
  const facts = [
    label,
    info.context_window ? trans.__('%1 context', tokens(info.context_window)) : '',
    info.vision ? trans.__('sees images') : '',
    info.reasoning ? trans.__('reasons') : '',
    priceOf(info, provider, trans)
  ].filter(Boolean);
  return facts.length > 0 ? <span className="jp-ChatIDE-facts">{facts.join(' · ')}</span> : null;
}

/** Never "free" where it is not known. */
function priceOf(
  { input_price: input, output_price: output }: ModelInfo,
  { group }: ProviderStatus,
  trans: TranslationBundle
): string {
  if (group === 'local' || group === 'demo') {
    return '';
  }
  if (input === undefined || output === undefined) {
    return trans.__('price unknown');
  }
  if (input === 0 && output === 0) {
    return trans.__('free');
  }
  return trans.__('%1 in, %2 out per million tokens', price(input), price(output));
}
