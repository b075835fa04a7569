import React, { useEffect, useState } from 'react';
import type { ActionStatus, IAction, IRun } from '../model/chat';
import { fileSize, seconds } from '../model/wording';
import { useServices } from './services';

export interface IStatusBadgeProps {
  action: IAction;
  run?: IRun;
  status: ActionStatus;
}

/** How an action stands, in a word, with the time it takes. */
export function StatusBadge({ action, run, status }: IStatusBadgeProps): JSX.Element | null {
  const { trans } = useServices();
  const elapsed = useElapsed(run);
  const time = run && elapsed >= 0.05 ? seconds(elapsed) : '';
  const size = action.outcome?.size ? fileSize(action.outcome.size) : '';
  const words: Record<ActionStatus, string> = {
    '': '',
    writing: trans.__('Writing'),
    waiting: trans.__('Waiting'),
    running: trans.__('Running'),
    done: run
      ? trans.__('Done')
      : action.kind === 'edit'
        ? trans.__('Edited')
        : trans.__('Written'),
    failed: trans.__('Failed'),
    skipped: trans.__('Skipped'),
    stopped: trans.__('Stopped'),
    timeout: trans.__('Time limit'),
    died: trans.__('Kernel died'),
    lost: trans.__('Interrupted')
  };
  if (!status) {
    return null;
  }
  return (
    <span className={`jp-ChatIDE-status jp-mod-${status}`}>
      <span className="jp-ChatIDE-dot" />
      {words[status]}
      {(time || size) && <span className="jp-ChatIDE-amount">{time || size}</span>}
    </span>
  );
}

/** Seconds that a run takes so far, or took. */
function useElapsed(run?: IRun): number {
  const running = run?.status === 'running';
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!running) {
      return;
    }
    const tick = (): void => setNow(Date.now() / 1000);
    tick();
    const timer = window.setInterval(tick, 1000);
    return () => window.clearInterval(timer);
  }, [running]);
  if (!run) {
    return 0;
  }
  return running ? Math.max(0, Math.floor(now - run.started)) : run.duration;
}
