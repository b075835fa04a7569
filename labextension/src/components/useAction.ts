import { useCallback, useRef, useState } from 'react';
import { explain } from '../api';
import type { ErrorInfo } from '../model/events';

export interface IAction {
  /** What is being done; empty while nothing is. */
  readonly busy: string;
  /** Why the last thing failed. */
  readonly problem: ErrorInfo | null;
  /** Do one thing at a time: what is asked for meanwhile is not done. */
  readonly run: (what: string, act: () => Promise<unknown>) => Promise<boolean>;
  readonly dismiss: () => void;
}

/** Things that a component has the server do, one at a time, and what came of the last. */
export function useAction(): IAction {
  const [busy, setBusy] = useState('');
  const [problem, setProblem] = useState<ErrorInfo | null>(null);
  const going = useRef(false);

  const run = useCallback(async (what: string, act: () => Promise<unknown>): Promise<boolean> => {
    if (going.current) {
      return false; // A second click, before the button was seen to be disabled.
    }
    going.current = true;
    setBusy(what);
    setProblem(null);
    try {
      await act();
      return true;
    } catch (error) {
      setProblem(explain(error));
      return false;
    } finally {
      going.current = false;
      setBusy('');
    }
  }, []);
  const dismiss = useCallback(() => setProblem(null), []);
  return { busy, problem, run, dismiss };
}
