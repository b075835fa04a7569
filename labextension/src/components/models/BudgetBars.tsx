import React from 'react';
import type { BudgetStatus } from '../../model/events';
import { dollars, tokens } from '../../model/wording';
import { useServices } from '../services';

/** How much of the administrator's budget is spent, and when it begins anew. */
export function BudgetBars({ budget }: { budget: BudgetStatus }): JSX.Element {
  const { trans } = useServices();
  const resets = new Date(budget.resets * 1000).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'short'
  });
  const name =
    budget.period === 'day' ? trans.__('Budget for a day') : trans.__('Budget for a month');
  return (
    <div className="jp-ChatIDE-budget">
      <h4>{name}</h4>
      {budget.cost !== null && (
        <Bar label={name} spent={budget.spent_cost} limit={budget.cost} write={dollars} />
      )}
      {budget.tokens !== null && (
        <Bar
          label={name}
          spent={budget.spent_tokens}
          limit={budget.tokens}
          write={amount => trans.__('%1 tokens', tokens(amount))}
          estimated={budget.estimated_tokens > 0}
        />
      )}
      <p className="jp-ChatIDE-facts">{trans.__('Begins anew on %1.', resets)}</p>
    </div>
  );
}

interface IBarProps {
  label: string;
  spent: number;
  limit: number;
  write: (amount: number) => string;
  /** Some of it is only an estimate. */
  estimated?: boolean;
}

function Bar({ label, spent, limit, write, estimated = false }: IBarProps): JSX.Element {
  const { trans } = useServices();
  const share = limit > 0 ? Math.min(100, Math.round((100 * spent) / limit)) : 100;
  const text = estimated
    ? trans.__('about %1 of %2', write(spent), write(limit))
    : trans.__('%1 of %2', write(spent), write(limit));
  return (
    <div className={`jp-ChatIDE-progress${share >= 90 ? ' jp-mod-bad' : ''}`}>
      <div
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share}
        aria-valuetext={text}
      >
        <div style={{ width: `${share}%` }} />
      </div>
      <span title={estimated ? trans.__('What was stopped or broke off is estimated') : undefined}>
        {text}
      </span>
    </div>
  );
}
