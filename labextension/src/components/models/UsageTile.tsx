import React from 'react';
import type { UsageTotals } from '../../model/events';
import { tokens } from '../../model/wording';
import { useServices } from '../services';
import { Cost } from './Cost';

/** A sum of tokens and cost. */
export function UsageTile({ label, totals }: { label: string; totals: UsageTotals }): JSX.Element {
  const { trans } = useServices();
  const { input_tokens: given, output_tokens: made, uncounted } = totals;
  return (
    <div className="jp-ChatIDE-tile" role="group" aria-label={label}>
      <span>{label}</span>
      <strong>
        <Cost {...totals} />
      </strong>
      <small>
        {given === null || made === null
          ? trans.__('tokens unknown')
          : trans.__('%1 in · %2 out', tokens(given), tokens(made))}
      </small>
      {uncounted > 0 && given !== null && (
        <small>{trans._n('%1 not counted', '%1 not counted', uncounted, uncounted)}</small>
      )}
      <small>{trans._n('%1 request', '%1 requests', totals.requests, totals.requests)}</small>
    </div>
  );
}
