import React from 'react';
import { dollars } from '../../model/wording';
import { useServices } from '../services';

export interface ICostProps {
  /** US dollars; null where none of it is known. */
  cost: number | null;
  requests: number;
  /** Requests of unknown cost among them. */
  unknown: number;
}

/** What requests cost. What is not known is said, and never counted as nothing. */
export function Cost({ cost, requests, unknown }: ICostProps): JSX.Element {
  const { trans } = useServices();
  if (requests > 0 && (!cost || unknown >= requests) && (cost === null || unknown > 0)) {
    return <>{trans.__('cost unknown')}</>;
  }
  const text = dollars(cost ?? 0);
  return unknown > 0 ? (
    <span
      title={trans._n(
        '%1 request of unknown cost',
        '%1 requests of unknown cost',
        unknown,
        unknown
      )}
    >
      {trans.__('%1 + unknown', text)}
    </span>
  ) : (
    <>{text}</>
  );
}
