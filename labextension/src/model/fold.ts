/** A chat's state as a fold over its events: the same on a replay, on a resume and live. */
import type { IOutput, IStream } from '@jupyterlab/nbformat';
import { EMPTY_CHAT } from './chat';
import type {
  Detour,
  IAction,
  IChatState,
  INotice,
  IReply,
  IRun,
  IRunOutput,
  ITurn,
  TurnItem
} from './chat';
import type { AnyEvent, ReplyContinuedEvent, RunOutputEvent } from './events';
import { isRich } from './previews';
import {
  characters,
  continuedReply,
  finishedReply,
  firstCharacters,
  firstParts,
  newReply,
  withAction,
  withText
} from './replies';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Entities = 'turns' | 'replies' | 'actions' | 'runs' | 'displays';

/**
 * Apply events to a state.
 *
 * Each event is applied once: one whose number is not above the state's is left out. Deltas that
 * the server merged carry the number of the last. An event that refers to what is not there (a
 * damaged line of the log) is left out as well.
 *
 * @param state - The state before; it is not changed.
 * @param events - Events in the order of their numbers.
 * @returns The state after; the same object when nothing was new.
 */
export function fold(state: IChatState, events: readonly AnyEvent[]): IChatState {
  const draft = new Draft(state);
  for (const event of events) {
    if (event.n > draft.state.n) {
      draft.state.n = event.n;
      draft.apply(event);
    }
  }
  return draft.state.n === state.n ? state : draft.state;
}

/** The state of a whole log. */
export function replay(events: readonly AnyEvent[]): IChatState {
  return fold(EMPTY_CHAT, events);
}

class Draft {
  constructor(base: IChatState) {
    this.state = { ...base };
  }

  readonly state: Writable<IChatState>;

  apply(event: AnyEvent): void {
    switch (event.type) {
      case 'chat_renamed':
        this.state.title = event.title;
        break;
      case 'turn_started': {
        const { turn: id, prompt, model, mode, t } = event;
        this.put('turns', {
          id,
          prompt,
          model,
          mode,
          started: t,
          items: [],
          status: 'running'
        });
        this.state.order = [...this.state.order, id];
        break;
      }
      case 'fallback_chosen':
        this.state.fallback = event.models ?? null;
        break;
      case 'turn_resumed':
        this.change('turns', event.turn, ({ model }) => ({
          model: event.model || model,
          status: 'running',
          error: undefined,
          resuming: true
        }));
        break;
      case 'reply_started':
        if (event.retries) {
          this.change('replies', event.retries, () => ({ superseded: true }));
        }
        this.put('replies', newReply(event));
        this.addItem(event.turn, { type: 'reply', reply: event.reply });
        this.change('turns', event.turn, () => ({ resuming: false }));
        break;
      case 'reply_text':
        this.change('replies', event.reply, reply => withText(reply, event));
        break;
      case 'reply_reasoning':
        this.change('replies', event.reply, reply => ({
          reasoning: reply.reasoning + event.text,
          thoughtFrom: reply.thoughtFrom ?? event.t
        }));
        break;
      case 'reply_continued':
        this.continueReply(event);
        break;
      case 'model_retried': {
        const { model, reason, code, seconds, attempt } = event;
        this.addDetour(event.reply, { type: 'retried', model, reason, code, seconds, attempt });
        break;
      }
      case 'model_switched': {
        const { from_model: from, to_model: to, reason, code = '' } = event;
        this.addDetour(event.reply, { type: 'switched', from, to, reason, code });
        this.change('replies', event.reply, () => ({ model: to }));
        break;
      }
      case 'reply_finished':
        this.change('replies', event.reply, reply => finishedReply(reply, event));
        break;
      case 'action_opened': {
        const { action: id, kind, language = '', path = '' } = event;
        const reply = this.state.replies.get(event.reply);
        if (!reply) {
          break;
        }
        const { turn } = reply;
        this.put('actions', {
          ...{ id, reply: reply.id, turn, kind, language, path },
          ...{ content: '', written: characters(event.fence ?? ''), closed: false, complete: false }
        });
        this.change('replies', reply.id, old => withAction(old, event));
        break;
      }
      case 'action_delta':
        this.change('actions', event.action, action => ({
          content: action.content + event.text,
          written: action.written + characters(event.raw ?? event.text)
        }));
        break;
      case 'action_closed': {
        const { kind, complete, language = '', path = '' } = event;
        this.change('actions', event.action, ({ written }) => ({
          ...{ kind, complete, language, path, closed: true },
          written: written + characters(event.fence ?? '')
        }));
        break;
      }
      case 'action_finished': {
        const { status, message = '', hint = '', size = 0 } = event;
        this.change('actions', event.action, () => ({
          outcome: { status, message, hint, size }
        }));
        break;
      }
      case 'run_started':
        this.startRun(event.run, event.action, event.t);
        this.change('turns', event.turn ?? '', () => ({ resuming: false }));
        break;
      case 'run_output':
        this.addOutput(event);
        break;
      case 'run_finished':
        this.change('runs', event.run, () => ({
          status: event.status,
          duration: event.duration ?? 0,
          executionCount: event.execution_count,
          error: event.error
        }));
        break;
      case 'repair_started': {
        const { attempt, limit, reason } = event;
        this.change('turns', event.turn, () => ({ resuming: false }));
        this.addItem(event.turn, { type: 'repair', attempt, limit, reason });
        break;
      }
      case 'preview_opened': {
        const key = `page:${event.path}`;
        this.state.previews = [
          ...this.state.previews.filter(preview => preview.key !== key),
          { type: 'page', key, path: event.path, n: event.n }
        ];
        break;
      }
      case 'notice': {
        const { n, level, code, message, hint = '' } = event;
        this.addNotice({ n, level, code, message, hint }, event.turn, event.run);
        break;
      }
      case 'turn_finished':
        this.change('turns', event.turn, () => ({
          status: event.status,
          error: event.error,
          resuming: false
        }));
        break;
    }
  }

  private addDetour(reply: string, detour: Detour): void {
    this.change('replies', reply, ({ detours }) => ({ detours: [...detours, detour] }));
  }

  /** Take back what the model is to write anew, and open again what was open there. */
  private continueReply(event: ReplyContinuedEvent): void {
    const { action = '', content = 0 } = event;
    const reply = this.state.replies.get(event.reply);
    if (!reply) {
      return;
    }
    const { actions } = this.state;
    const kept = firstParts(reply, event.kept, id => actions.get(id)?.written ?? 0);
    this.change('replies', reply.id, old => continuedReply(old, event, kept.parts));
    this.change('turns', reply.turn, () => ({ resuming: false }));
    this.change('actions', action, old => ({
      content: firstCharacters(old.content, content),
      written: kept.ofLast,
      ...{ closed: false, complete: false, outcome: undefined }
    }));
  }

  private addItem(turn: string, item: TurnItem): void {
    this.change('turns', turn, ({ items }) => ({ items: [...items, item] }));
  }

  private addNotice(notice: INotice, turn?: string, run?: string): void {
    if (run && this.state.runs.has(run)) {
      this.change('runs', run, ({ notices }) => ({
        notices: [...notices, notice]
      }));
    } else if (turn && this.state.turns.has(turn)) {
      this.addItem(turn, { type: 'notice', notice });
    } else {
      this.state.notices = [...this.state.notices, notice];
    }
  }

  private startRun(id: string, action: string, started: number): void {
    const before = this.state.actions.get(action)?.run;
    if (before) {
      this.dropPreviews(preview => preview.run === before);
    }
    this.put('runs', {
      ...{ id, action, started, status: 'running', duration: 0 },
      ...{ outputs: [], clearing: false, count: 0, notices: [] }
    });
    this.change('actions', action, () => ({ run: id }));
  }

  private addOutput(event: RunOutputEvent): void {
    const run = this.state.runs.get(event.run);
    const output = event.output as IOutput | undefined;
    if (!run) {
      return;
    }
    if (event.op === 'clear') {
      if (event.wait) {
        this.change('runs', run.id, () => ({ clearing: true }));
      } else {
        this.clear(run.id);
      }
    } else if (output && event.op === 'update') {
      this.updateDisplays(event.display_id ?? '', output);
    } else if (output) {
      if (run.clearing) {
        this.clear(run.id);
      }
      this.append(run.id, output, event.display_id ?? '');
    }
  }

  private clear(run: string): void {
    this.change('runs', run, () => ({ outputs: [], clearing: false }));
    this.dropPreviews(preview => preview.run === run);
  }

  private append(id: string, output: IOutput, displayId: string): void {
    const run = this.state.runs.get(id)!;
    const last = run.outputs[run.outputs.length - 1];
    if (last && continues(last.output, output)) {
      const text = streamText(last.output) + streamText(output);
      const grown = { ...last, output: { ...last.output, text } };
      this.change('runs', id, () => ({
        outputs: [...run.outputs.slice(0, -1), grown]
      }));
      return;
    }
    const added: IRunOutput = { id: run.count, displayId, output };
    this.change('runs', id, () => ({
      outputs: [...run.outputs, added],
      count: run.count + 1
    }));
    if (displayId) {
      const runs = this.state.displays.get(displayId) ?? [];
      if (!runs.includes(id)) {
        this.set('displays', displayId, [...runs, id]);
      }
    }
    const action = this.state.actions.get(run.action);
    if (isRich(output) && action?.run === id) {
      this.state.previews = [
        ...this.state.previews,
        { type: 'output', key: previewKey(id, added), run: id, output: added }
      ];
    }
  }

  private updateDisplays(displayId: string, output: IOutput): void {
    for (const id of this.state.displays.get(displayId) ?? []) {
      this.change('runs', id, run => ({
        outputs: run.outputs.map(shown =>
          shown.displayId === displayId ? { ...shown, output } : shown
        )
      }));
      const shown = new Map(
        this.state.runs.get(id)?.outputs.map(item => [previewKey(id, item), item])
      );
      this.state.previews = this.state.previews.map(preview => {
        const fresh = shown.get(preview.key);
        return preview.type === 'output' && fresh ? { ...preview, output: fresh } : preview;
      });
    }
  }

  private dropPreviews(drop: (preview: { run: string }) => boolean): void {
    const { previews } = this.state;
    const kept = previews.filter(preview => preview.type === 'page' || !drop(preview));
    if (kept.length < previews.length) {
      this.state.previews = kept;
    }
  }

  private put(kind: 'turns', entity: ITurn): void;
  private put(kind: 'replies', entity: IReply): void;
  private put(kind: 'actions', entity: IAction): void;
  private put(kind: 'runs', entity: IRun): void;
  private put(kind: Entities, entity: { id: string }): void {
    this.set(kind, entity.id, entity);
  }

  private change(kind: 'turns', id: string, change: (old: ITurn) => Partial<ITurn>): void;
  private change(kind: 'replies', id: string, change: (old: IReply) => Partial<IReply>): void;
  private change(kind: 'actions', id: string, change: (old: IAction) => Partial<IAction>): void;
  private change(kind: 'runs', id: string, change: (old: IRun) => Partial<IRun>): void;
  private change(kind: Entities, id: string, change: (old: never) => object): void {
    const old = this.state[kind].get(id);
    if (old) {
      this.set(kind, id, { ...old, ...change(old as never) });
    }
  }

  /** Copy a map before the first write of this batch, then write to the copy. */
  private set(kind: Entities, key: string, value: unknown): void {
    if (!this.copied.has(kind)) {
      this.copied.add(kind);
      Object.assign(this.state, {
        [kind]: new Map<string, unknown>(this.state[kind])
      });
    }
    (this.state[kind] as Map<string, unknown>).set(key, value);
  }

  private readonly copied = new Set<Entities>();
}

function continues(last: IOutput, next: IOutput): boolean {
  return last.output_type === 'stream' && next.output_type === 'stream' && last.name === next.name;
}

function streamText(output: IOutput): string {
  const { text } = output as IStream;
  return typeof text === 'string' ? text : text.join('');
}

/** The key of a run's output among the previews. */
export function previewKey(run: string, output: IRunOutput): string {
  return `output:${run}:${output.id}`;
}
