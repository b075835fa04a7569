import React from 'react';
import type { IRemote } from '../../model/remote';
import { ErrorCard } from '../ErrorCard';
import { useServices } from '../services';

export interface IUnreadProps {
  remote: IRemote<unknown>;
  onRetry: () => void;
}

/** What stands where something of the server's is not there yet, or could not be read. */
export function Unread({ remote, onRetry }: IUnreadProps): JSX.Element | null {
  const { trans } = useServices();
  if (remote.problem) {
    return <ErrorCard error={{ ...remote.problem, code: 'retry' }} onRetry={onRetry} />;
  }
  return remote.value === null ? (
    <p className="jp-ChatIDE-nothing">{trans.__('Reading…')}</p>
  ) : null;
}
