/**
 * What a chat is after the events seen so far. Nothing in it is ever changed in place: an entity
 * that did change is a new object, so a view may compare by identity.
 */
import type { IOutput } from '@jupyterlab/nbformat';
import type { ActionKind, ErrorInfo, Mode, RunError } from './events';

export interface IChatState {
  /** Number of the last event that is in this state. */
  readonly n: number;
  readonly title: string;
  /** Ids of the turns, in order. */
  readonly order: readonly string[];
  readonly turns: ReadonlyMap<string, ITurn>;
  readonly replies: ReadonlyMap<string, IReply>;
  readonly actions: ReadonlyMap<string, IAction>;
  readonly runs: ReadonlyMap<string, IRun>;
  /** What the preview panel can show, the newest last. */
  readonly previews: readonly Preview[];
  /** Runs that show something under a display id. */
  readonly displays: ReadonlyMap<string, readonly string[]>;
  /** Notices that belong to no turn and no run. */
  readonly notices: readonly INotice[];
}

export type TurnStatus = 'running' | 'finished' | 'stopped' | 'failed' | 'interrupted';

export interface ITurn {
  readonly id: string;
  readonly prompt: string;
  readonly model: string;
  readonly mode: Mode;
  /** Seconds since 1970. */
  readonly started: number;
  readonly items: readonly TurnItem[];
  readonly status: TurnStatus;
  readonly error?: ErrorInfo;
}

export type TurnItem =
  | { readonly type: 'reply'; readonly reply: string }
  | {
      readonly type: 'repair';
      readonly attempt: number;
      readonly limit: number;
      readonly reason: string;
    }
  | { readonly type: 'notice'; readonly notice: INotice };

export interface INotice {
  /** Number of the event that told it. */
  readonly n: number;
  readonly level: 'info' | 'warning';
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface IReply {
  readonly id: string;
  readonly turn: string;
  /** The model that was asked, then the one that answered, as `provider/model`. */
  readonly model: string;
  readonly attempt: number;
  readonly parts: readonly ReplyPart[];
  readonly reasoning: string;
  readonly switches: readonly { from: string; to: string; reason: string }[];
  /** Why it ended; empty while it streams. */
  readonly reason: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

export type ReplyPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'action'; readonly action: string };

export interface IAction {
  readonly id: string;
  readonly reply: string;
  readonly turn: string;
  readonly kind: ActionKind;
  readonly language: string;
  readonly path: string;
  readonly content: string;
  readonly closed: boolean;
  /** False when the reply ended before the fence did. */
  readonly complete: boolean;
  readonly outcome?: {
    readonly status: 'done' | 'failed' | 'skipped';
    readonly message: string;
    readonly hint: string;
    readonly size: number;
  };
  /** The newest run. */
  readonly run?: string;
}

export type RunStatus = 'running' | 'ok' | 'error' | 'interrupted' | 'timeout' | 'died' | 'lost';

export interface IRun {
  readonly id: string;
  readonly action: string;
  /** Seconds since 1970. */
  readonly started: number;
  readonly status: RunStatus;
  /** Seconds. */
  readonly duration: number;
  readonly executionCount?: number;
  readonly error?: RunError;
  readonly outputs: readonly IRunOutput[];
  /** The next output clears those before it. */
  readonly clearing: boolean;
  /** Outputs so far, cleared ones too: what the next one's id is made from. */
  readonly count: number;
  readonly notices: readonly INotice[];
}

export interface IRunOutput {
  /** Unique within its run; stays when the output grows or is updated. */
  readonly id: number;
  readonly displayId: string;
  readonly output: IOutput;
}

export type Preview =
  | {
      readonly type: 'output';
      readonly key: string;
      readonly run: string;
      readonly output: IRunOutput;
    }
  | {
      readonly type: 'page';
      readonly key: string;
      readonly path: string;
      /** Number of the event that (re)opened it: a new one asks for a reload. */
      readonly n: number;
    };

export const EMPTY_CHAT: IChatState = {
  n: 0,
  title: '',
  order: [],
  turns: new Map(),
  replies: new Map(),
  actions: new Map(),
  runs: new Map(),
  previews: [],
  displays: new Map(),
  notices: []
};

/** The turn that goes on, if one does. */
export function runningTurn(state: IChatState): ITurn | undefined {
  const last = state.turns.get(state.order[state.order.length - 1]);
  return last?.status === 'running' ? last : undefined;
}

/** Whether Stop has something to end: a turn, or a run that a person started. */
export function isBusy(state: IChatState): boolean {
  if (runningTurn(state)) {
    return true;
  }
  for (const run of state.runs.values()) {
    if (run.status === 'running') {
      return true;
    }
  }
  return false;
}

/** How an action stands, as its card shows it; empty for one that only shows code. */
export type ActionStatus =
  | ''
  | 'writing'
  | 'waiting'
  | 'running'
  | 'done'
  | 'failed'
  | 'skipped'
  | 'stopped'
  | 'timeout'
  | 'died'
  | 'lost';

const RUN_STATUS: Record<RunStatus, ActionStatus> = {
  running: 'running',
  ok: 'done',
  error: 'failed',
  interrupted: 'stopped',
  timeout: 'timeout',
  died: 'died',
  lost: 'lost'
};

export function actionStatus(action: IAction, run?: IRun, turn?: ITurn): ActionStatus {
  if (run) {
    return RUN_STATUS[run.status];
  }
  if (action.outcome) {
    return action.outcome.status;
  }
  const going = turn?.status === 'running';
  if (!action.closed) {
    return going ? 'writing' : 'stopped';
  }
  if (action.kind === 'example' || turn?.mode === 'ask') {
    return '';
  }
  return going ? 'waiting' : 'skipped';
}
