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
  /** The chat's own chain of models to fall back on; null for the default. */
  readonly fallback: readonly string[] | null;
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
  /** A person had it go on, and nothing has come yet. */
  readonly resuming?: boolean;
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
  /** When its reasoning began, and when it was over; seconds since 1970. */
  readonly thoughtFrom?: number;
  readonly reasoned?: number;
  /** What happened before a model answered. */
  readonly detours: readonly Detour[];
  /** How often, and why, the model went on with it. */
  readonly continued: readonly IContinuation[];
  /** It was given up for another reply. */
  readonly superseded: boolean;
  /** Why it ended; empty while it streams. */
  readonly reason: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  /** US dollars; undefined is unknown. */
  readonly cost?: number;
  /** What it took before a person had it go on. */
  readonly earlier?: Pick<IReply, 'inputTokens' | 'outputTokens' | 'cost'>;
}

/** The same model was asked again, or another one instead. */
export type Detour =
  | {
      readonly type: 'retried';
      readonly model: string;
      readonly reason: string;
      readonly code: string;
      /** Seconds to wait before. */
      readonly seconds: number;
      readonly attempt: number;
    }
  | {
      readonly type: 'switched';
      readonly from: string;
      readonly to: string;
      readonly reason: string;
      readonly code: string;
    };

export interface IContinuation {
  /** `length`: by itself, at the longest answer's end. `asked`: a person asked for it. */
  readonly reason: 'length' | 'asked';
  readonly attempt: number;
  readonly limit: number;
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
  /** Characters of it as the model wrote it, its fences included. */
  readonly written: number;
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
  notices: [],
  fallback: null
};

/** The turn that goes on, if one does. */
export function runningTurn(state: IChatState): ITurn | undefined {
  const last = state.turns.get(state.order[state.order.length - 1]);
  return last?.status === 'running' ? last : undefined;
}

/**
 * A turn that ended early can begin anew. `proceed`: how else it can go on, if it can: its `reply`
 * where that broke off, or the `code` of a reply that is complete.
 */
export interface IResumable {
  readonly proceed: '' | 'reply' | 'code';
}

/** Reasons for which a model ends an answer before its end, and those that ended the turn. */
const CUT_SHORT = ['length', 'content_filter'];
const BROKEN_OFF = [...CUT_SHORT, 'failed', 'stopped', 'interrupted'];

/** How a turn can be resumed: the last one, unless it goes on or came to its end. */
export function resumable(state: IChatState, id: string): IResumable | undefined {
  const turn = state.turns.get(id);
  if (!turn || state.order[state.order.length - 1] !== id || turn.status === 'running') {
    return undefined;
  }
  const last = lastReply(state, turn);
  if (turn.status === 'finished' && !CUT_SHORT.includes(last?.reason ?? '')) {
    return undefined;
  }
  if (!last || last.parts.length === 0) {
    return { proceed: '' };
  }
  if (BROKEN_OFF.includes(last.reason)) {
    return { proceed: 'reply' };
  }
  return { proceed: turn.mode === 'build' && hasCodeLeft(state, last) ? 'code' : '' };
}

/** Whether a reply has code or files that did not come to their end. */
function hasCodeLeft(state: IChatState, reply: IReply): boolean {
  return reply.parts.some(part => {
    const action = part.type === 'action' ? state.actions.get(part.action) : undefined;
    if (!action?.complete || !CARRIED_OUT.includes(action.kind)) {
      return false;
    }
    const run = state.runs.get(action.run ?? '');
    return run ? run.status !== 'ok' : action.outcome?.status !== 'done';
  });
}

const CARRIED_OUT: readonly ActionKind[] = ['cell', 'file', 'edit', 'shell'];

/** The newest reply of a turn that was not given up. */
export function lastReply(state: IChatState, turn: ITurn): IReply | undefined {
  for (const item of [...turn.items].reverse()) {
    const reply = item.type === 'reply' ? state.replies.get(item.reply) : undefined;
    if (reply && !reply.superseded) {
      return reply;
    }
  }
  return undefined;
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
