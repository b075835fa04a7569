import { actionStatus, EMPTY_CHAT, isBusy, runningTurn } from '../chat';
import type { IChatState } from '../chat';
import type { AnyEvent } from '../events';
import { fold, replay } from '../fold';

type Told = AnyEvent extends infer E ? (E extends AnyEvent ? Omit<E, 'n' | 't'> : never) : never;

/** Numbers events as a log does. */
function log(...told: Told[]): AnyEvent[] {
  return told.map((event, index) => ({ ...event, n: index + 1, t: 1000 + index }) as AnyEvent);
}

const image = (name: string) => ({
  output_type: 'display_data',
  data: { 'image/png': name },
  metadata: {}
});
const stdout = (text: string) => ({ output_type: 'stream', name: 'stdout', text });

const begin: Told[] = [
  { type: 'chat_renamed', title: 'Penguins' },
  { type: 'turn_started', turn: 't1', prompt: 'Plot it', model: 'demo/demo', mode: 'build' },
  { type: 'reply_started', turn: 't1', reply: 'r1', model: 'demo/demo' }
];
const cell: Told[] = [
  { type: 'reply_text', reply: 'r1', text: 'Here ' },
  { type: 'reply_text', reply: 'r1', text: 'it is.' },
  { type: 'action_opened', reply: 'r1', action: 'a1', kind: 'cell', language: 'python' },
  { type: 'action_delta', action: 'a1', text: 'plot(' },
  { type: 'action_delta', action: 'a1', text: ')\n' },
  { type: 'action_closed', action: 'a1', kind: 'cell', complete: true, language: 'python' }
];
const run: Told[] = [
  { type: 'run_started', run: 'x1', action: 'a1', turn: 't1' },
  { type: 'run_output', run: 'x1', op: 'append', output: stdout('a') },
  { type: 'run_output', run: 'x1', op: 'append', output: stdout('b') },
  { type: 'run_output', run: 'x1', op: 'append', output: image('one'), display_id: 'd1' },
  { type: 'run_finished', run: 'x1', status: 'ok', duration: 1.5 }
];
const end: Told[] = [
  { type: 'reply_finished', reply: 'r1', reason: 'stop', model: 'demo/demo' },
  { type: 'turn_finished', turn: 't1', status: 'finished' }
];
const whole = log(...begin, ...cell, ...run, ...end);

function status(state: IChatState, id = 'a1'): string {
  const action = state.actions.get(id)!;
  return actionStatus(action, state.runs.get(action.run ?? ''), state.turns.get(action.turn));
}

describe('a chat is a fold over its events', () => {
  it('tells a turn from its prompt to its end', () => {
    const state = replay(whole);
    expect(state.title).toBe('Penguins');
    expect(state.order).toEqual(['t1']);
    expect(state.turns.get('t1')).toMatchObject({ prompt: 'Plot it', status: 'finished' });
    expect(state.replies.get('r1')!.parts).toEqual([
      { type: 'text', text: 'Here it is.' },
      { type: 'action', action: 'a1' }
    ]);
    expect(state.actions.get('a1')).toMatchObject({ content: 'plot()\n', complete: true });
    expect(state.runs.get('x1')!.outputs.map(({ output }) => output)).toEqual([
      stdout('ab'),
      image('one')
    ]);
    expect(state.n).toBe(whole.length);
  });

  it('is the same in any batches', () => {
    for (let size = 1; size <= whole.length; size++) {
      let state = EMPTY_CHAT;
      for (let at = 0; at < whole.length; at += size) {
        state = fold(state, whole.slice(at, at + size));
      }
      expect(state).toEqual(replay(whole));
    }
  });

  it('applies each event once, however often it comes', () => {
    let state = EMPTY_CHAT;
    for (let at = 0; at < whole.length; at += 3) {
      // Each batch repeats what came before, as after a reconnection that overlaps.
      state = fold(state, whole.slice(Math.max(0, at - 4), at + 3));
    }
    expect(state).toEqual(replay(whole));
    expect(fold(state, whole)).toBe(state);
  });

  it('takes deltas that the server merged for those that they stand for', () => {
    const merged = whole.filter(({ n }) => n !== 4 && n !== 7);
    const withText = merged.map(event => {
      if (event.type === 'reply_text') {
        return { ...event, text: 'Here it is.' };
      }
      return event.type === 'action_delta' ? { ...event, text: 'plot()\n' } : event;
    });
    expect(replay(withText)).toEqual(replay(whole));
  });

  it('never changes a state in place', () => {
    const before = replay(whole.slice(0, 8));
    const copy = { ...before, runs: new Map(before.runs), actions: new Map(before.actions) };
    fold(before, whole.slice(8));
    expect(before).toEqual(copy);
  });

  it('keeps what did not change the same object', () => {
    const before = replay(whole.slice(0, 10));
    const after = fold(before, whole.slice(10, 11));
    expect(after.turns.get('t1')).toBe(before.turns.get('t1'));
    expect(after.actions).toBe(before.actions);
  });

  it('leaves out an event that refers to what a damaged log has lost', () => {
    const lost: AnyEvent[] = [
      { type: 'reply_text', n: 1, t: 1, reply: 'r9', text: 'x' },
      { type: 'action_opened', n: 2, t: 1, reply: 'r9', action: 'a9', kind: 'cell' },
      { type: 'run_output', n: 3, t: 1, run: 'x9', op: 'append', output: stdout('x') },
      { type: 'turn_finished', n: 4, t: 1, turn: 't9', status: 'finished' }
    ];
    expect(replay(lost)).toEqual({ ...EMPTY_CHAT, n: 4 });
  });
});

describe('an action', () => {
  const at = (type: AnyEvent['type']): IChatState =>
    replay(whole.slice(0, whole.findIndex(event => event.type === type) + 1));

  it('is written, waits, runs and is done', () => {
    expect(status(at('action_opened'))).toBe('writing');
    expect(status(at('action_closed'))).toBe('waiting');
    expect(status(at('run_started'))).toBe('running');
    expect(status(at('run_finished'))).toBe('done');
  });

  it('runs nothing in Ask mode', () => {
    const asked = begin.map(event =>
      event.type === 'turn_started' ? { ...event, mode: 'ask' as const } : event
    );
    expect(status(replay(log(...asked, ...cell)))).toBe('');
  });

  it('is stopped where the turn was stopped while it was written', () => {
    const state = replay(
      log(...begin, ...cell.slice(0, 4), { type: 'turn_finished', turn: 't1', status: 'stopped' })
    );
    expect(status(state)).toBe('stopped');
    expect(isBusy(state)).toBe(false);
  });

  it('tells why it was skipped', () => {
    const state = replay(
      log(...begin, ...cell, {
        type: 'action_finished',
        action: 'a1',
        status: 'skipped',
        message: 'Later.'
      })
    );
    expect(status(state)).toBe('skipped');
    expect(state.actions.get('a1')!.outcome!.message).toBe('Later.');
  });

  it('shows its newest run when it is run again', () => {
    const state = replay(
      log(
        ...begin,
        ...cell,
        ...run,
        ...end,
        { type: 'run_started', run: 'x2', action: 'a1' },
        { type: 'run_output', run: 'x2', op: 'append', output: image('two') }
      )
    );
    expect(status(state)).toBe('running');
    expect(isBusy(state)).toBe(true);
    expect(runningTurn(state)).toBeUndefined();
    expect(state.previews.map(({ key }) => key)).toEqual(['output:x2:0']);
  });

  it('may turn from a file into an edit when it closes', () => {
    const state = replay(
      log(
        ...begin,
        { type: 'action_opened', reply: 'r1', action: 'a2', kind: 'file', path: 'a.py' },
        { type: 'action_closed', action: 'a2', kind: 'edit', complete: true, path: 'a.py' },
        { type: 'action_finished', action: 'a2', status: 'done', size: 12 }
      )
    );
    expect(state.actions.get('a2')).toMatchObject({ kind: 'edit', outcome: { size: 12 } });
  });
});

describe('a turn that the end of the server interrupted', () => {
  const state = replay(
    log(
      ...begin,
      ...cell,
      run[0],
      { type: 'run_finished', run: 'x1', status: 'lost' },
      { type: 'reply_finished', reply: 'r1', reason: 'interrupted' },
      { type: 'turn_finished', turn: 't1', status: 'interrupted' }
    )
  );

  it('says so, and keeps what was received', () => {
    expect(state.turns.get('t1')!.status).toBe('interrupted');
    expect(status(state)).toBe('lost');
    expect(state.actions.get('a1')!.content).toBe('plot()\n');
    expect(isBusy(state)).toBe(false);
  });
});

describe('the outputs of a run', () => {
  const outputs = (...told: Told[]) => {
    const state = replay(log(...begin, ...cell, ...run.slice(0, 4), ...told));
    return state.runs.get('x1')!.outputs.map(({ output }) => output);
  };

  it('are replaced where a display is updated', () => {
    expect(
      outputs({
        type: 'run_output',
        run: 'x1',
        op: 'update',
        output: image('new'),
        display_id: 'd1'
      })
    ).toEqual([stdout('ab'), image('new')]);
  });

  it('are replaced in an earlier run too, and in the preview', () => {
    const state = replay(
      log(
        ...begin,
        ...cell,
        ...run,
        { type: 'action_opened', reply: 'r1', action: 'a2', kind: 'cell' },
        { type: 'run_started', run: 'x2', action: 'a2' },
        { type: 'run_output', run: 'x2', op: 'update', output: image('new'), display_id: 'd1' }
      )
    );
    expect(state.runs.get('x1')!.outputs[1].output).toEqual(image('new'));
    expect(state.previews).toMatchObject([{ output: { output: image('new') } }]);
  });

  it('go at once when they are cleared', () => {
    expect(outputs({ type: 'run_output', run: 'x1', op: 'clear' })).toEqual([]);
  });

  it('go with the next output when they are cleared with a wait', () => {
    const clear: Told = { type: 'run_output', run: 'x1', op: 'clear', wait: true };
    expect(outputs(clear)).toHaveLength(2);
    expect(
      outputs(clear, { type: 'run_output', run: 'x1', op: 'append', output: stdout('c') })
    ).toEqual([stdout('c')]);
  });

  it('have ids of their own after a clear, so that nothing old is taken for them', () => {
    const state = replay(
      log(
        ...begin,
        ...cell,
        ...run.slice(0, 4),
        { type: 'run_output', run: 'x1', op: 'clear' },
        { type: 'run_output', run: 'x1', op: 'append', output: stdout('c') }
      )
    );
    expect(state.runs.get('x1')!.outputs[0].id).toBe(2);
  });
});

describe('previews', () => {
  it('are pages too, the one written last being the newest', () => {
    const page = (path: string): Told => ({
      type: 'preview_opened',
      turn: 't1',
      action: 'a1',
      path
    });
    const state = replay(log(...begin, page('a.html'), page('b.html'), page('a.html')));
    expect(state.previews.map(({ key }) => key)).toEqual(['page:b.html', 'page:a.html']);
  });

  it('leave out plain text', () => {
    expect(replay(log(...begin, ...cell, ...run.slice(0, 3))).previews).toEqual([]);
  });
});

describe('repairs and notices', () => {
  it('stand in the turn where they were told', () => {
    const state = replay(
      log(
        ...begin,
        { type: 'repair_started', turn: 't1', attempt: 1, limit: 2, reason: 'KeyError' },
        { type: 'reply_started', turn: 't1', reply: 'r2', model: 'demo/demo', attempt: 1 },
        { type: 'notice', level: 'warning', code: 'cut', message: 'Cut.', turn: 't1' },
        { type: 'notice', level: 'warning', code: 'log-damaged', message: 'A part is missing.' }
      )
    );
    expect(state.turns.get('t1')!.items.map(({ type }) => type)).toEqual([
      'reply',
      'repair',
      'reply',
      'notice'
    ]);
    expect(state.notices).toMatchObject([{ message: 'A part is missing.' }]);
  });

  it('name the model that answered when another was asked', () => {
    const state = replay(
      log(...begin, {
        type: 'model_switched',
        reply: 'r1',
        from_model: 'demo/demo',
        to_model: 'openai/gpt',
        reason: '429'
      })
    );
    expect(state.replies.get('r1')).toMatchObject({ model: 'openai/gpt', detours: [{}] });
  });
});
