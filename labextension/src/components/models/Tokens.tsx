import React from 'react';
import { tokens } from '../../model/wording';
import { useServices } from '../services';

export interface ITokensProps {
  /** Null where none of them are known. */
  count: number | null;
  /** Requests of unknown tokens among those that it is of. */
  uncounted: number;
}

/** How many tokens requests took. What is not known is said, and never counted as nothing. */
export function Tokens({ count, uncounted }: ITokensProps): JSX.Element {
  const { trans } = useServices();
  const missing =
    uncounted > 0
      ? trans._n(
          '%1 request that nobody counted: it was stopped, or broke off',
          '%1 requests that nobody counted: they were stopped, or broke off',
          uncounted,
          uncounted
        )
      : '';
  if (count === null) {
    return <span title={missing}>{trans.__('unknown')}</span>;
  }
  const exact = count.toLocaleString();
  return (
    <span title={missing ? `${exact} + ${missing}` : exact}>
      {missing ? trans.__('%1 + unknown', tokens(count)) : tokens(count)}
    </span>
  );
}
