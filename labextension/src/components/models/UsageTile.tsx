import React from 'react';
import type { UsageTotals } from '../../model/events';
import { tokens } from '../../model/wording';
import { useServices } from '../services';
import { Cost } from './Cost';

/** A sum of tokens and cost. */
export function UsageTile({ label, totals }: { label: string; totals: UsageTotals }): JSX.Element {
  const { trans } = useServices();
  return (
    <div className="jp-ChatIDE-tile" role="group" aria-label={label}>
      <span>{label}</span>
      <strong>
        <Cost {...totals} />
      </strong>
      <small>
        {trans.__('%1 in · %2 out', tokens(totals.input_tokens), tokens(totals.output_tokens))}
      </small>
      <small>{trans._n('%1 request', '%1 requests', totals.requests, totals.requests)}</small>
    </div>
  );
}
