import cases from '../../../../tests/chat/fold_cases.json';
import { lastReply, resumable } from '../chat';
import type { IChatState, IReply } from '../chat';
import type { AnyEvent } from '../events';
import { fold, replay } from '../fold';
import { characters, firstCharacters } from '../replies';

type Told = AnyEvent extends infer E ? (E extends AnyEvent ? Omit<E, 'n' | 't'> : never) : never;

function log(told: readonly unknown[]): AnyEvent[] {
  return told.map(
    (event, index) => ({ ...(event as object), n: index + 1, t: 1000 + index }) as AnyEvent
  );
}

const begin: Told[] = [
  { type: 'turn_started', turn: 't1', prompt: 'Go', model: 'a/b', mode: 'build' },
  { type: 'reply_started', turn: 't1', reply: 'r1', model: 'a/b' }
];
const of = (...told: Told[]): IChatState => replay(log([...begin, ...told]));

/** Characters of the reply as the model wrote it. */
function written(state: IChatState, { parts }: IReply): number {
  return parts
    .map(part =>
      part.type === 'text' ? characters(part.text) : state.actions.get(part.action)!.written
    )
    .reduce((sum, size) => sum + size, 0);
}

/** The cases that the server's fold is held to as well. */
describe.each(cases)('$name', ({ events, status, replies, actions }) => {
  const state = replay(log(events));

  it('comes to what the server makes of it', () => {
    expect(state.turns.get('t1')!.status).toBe(status || 'running');
    for (const [id, wanted] of Object.entries(replies)) {
      const reply = state.replies.get(id)!;
      expect(written(state, reply)).toBe(characters(wanted.raw));
      expect(reply).toMatchObject({ model: wanted.model, superseded: wanted.superseded });
      expect(reply.reason).toBe(wanted.reason);
      expect(reply.parts.flatMap(part => (part.type === 'action' ? [part.action] : []))).toEqual(
        wanted.actions
      );
      expect(reply.inputTokens ?? null).toBe(wanted.input_tokens);
      expect(reply.outputTokens ?? null).toBe(wanted.output_tokens);
      expect(reply.cost ?? null).toBe(wanted.cost);
    }
    for (const [id, wanted] of Object.entries(actions)) {
      expect(state.actions.get(id)).toMatchObject(wanted);
    }
  });

  it('comes to the same in batches of any size', () => {
    const all = log(events);
    for (let size = 1; size < all.length; size++) {
      let now = replay([]);
      for (let at = 0; at < all.length; at += size) {
        now = fold(now, all.slice(at, at + size));
      }
      expect(now).toEqual(state);
    }
  });
});

describe('a reply', () => {
  it('says which models did not answer, and why', () => {
    const state = of(
      {
        ...{ type: 'model_retried', reply: 'r1', model: 'a/b', reason: 'Too many requests.' },
        ...{ code: 'rate_limit', seconds: 2, attempt: 1 }
      } as Told,
      {
        ...{ type: 'model_switched', reply: 'r1', from_model: 'a/b', to_model: 'c/d' },
        ...{ reason: 'Too many requests.', code: 'rate_limit' }
      } as Told
    );
    expect(state.replies.get('r1')).toMatchObject({
      model: 'c/d',
      detours: [
        { type: 'retried', seconds: 2 },
        { type: 'switched', from: 'a/b', to: 'c/d' }
      ]
    });
  });

  it('knows how long the model thought', () => {
    const thinking = of({ type: 'reply_reasoning', reply: 'r1', text: 'Hm' });
    expect(thinking.replies.get('r1')!.reasoned).toBeUndefined();
    const state = of(
      { type: 'reply_reasoning', reply: 'r1', text: 'Hm' },
      { type: 'reply_reasoning', reply: 'r1', text: ', well' },
      { type: 'reply_text', reply: 'r1', text: 'So' },
      { type: 'reply_text', reply: 'r1', text: ' it is' }
    );
    expect(state.replies.get('r1')).toMatchObject({ reasoning: 'Hm, well', reasoned: 1004 });
  });

  it('counts no waiting as thought, neither before a retry nor for the first word', () => {
    const { thoughtFrom, reasoned } = of(
      {
        ...{ type: 'model_retried', reply: 'r1', model: 'a/b', reason: 'busy' },
        ...{ code: 'rate_limit', seconds: 0.5, attempt: 1 }
      } as Told,
      { type: 'reply_reasoning', reply: 'r1', text: 'Hm' },
      { type: 'reply_text', reply: 'r1', text: 'So' }
    ).replies.get('r1')!;
    expect([thoughtFrom, reasoned]).toEqual([1003, 1004]);
  });

  it('counts how often it went on by itself', () => {
    const state = of(
      { type: 'reply_text', reply: 'r1', text: 'One' },
      {
        ...{ type: 'reply_continued', reply: 'r1', reason: 'length', kept: 3 },
        ...{ attempt: 1, limit: 2 }
      } as Told,
      { type: 'reply_text', reply: 'r1', text: ' two' }
    );
    expect(state.replies.get('r1')).toMatchObject({
      parts: [{ text: 'One two' }],
      continued: [{ reason: 'length', attempt: 1, limit: 2 }]
    });
  });
});

describe('a turn', () => {
  const text: Told = { type: 'reply_text', reply: 'r1', text: 'Half' };
  const finish = (reason: string): Told => ({ type: 'reply_finished', reply: 'r1', reason });
  const end = (status: 'finished' | 'stopped' | 'failed'): Told => ({
    ...{ type: 'turn_finished', turn: 't1', status }
  });

  it('that came to its end cannot be resumed, nor one that goes on', () => {
    expect(resumable(of(text), 't1')).toBeUndefined();
    expect(resumable(of(text, finish('stop'), end('finished')), 't1')).toBeUndefined();
  });

  it('that was cut can go on, and one without a word can only begin anew', () => {
    expect(resumable(of(text, finish('failed'), end('failed')), 't1')).toEqual({
      proceed: 'reply'
    });
    expect(resumable(of(finish('failed'), end('failed')), 't1')).toEqual({ proceed: '' });
    expect(resumable(of(text, finish('length'), end('finished')), 't1')).toEqual({
      proceed: 'reply'
    });
  });

  it('that a content filter cut can go on', () => {
    const cut = of(text, finish('content_filter'), end('finished'));
    expect(resumable(cut, 't1')).toEqual({ proceed: 'reply' });
  });

  it('that ended behind its reply can go on with the code that is left', () => {
    const action = { reply: 'r1', action: 'a1', kind: 'cell' } as const;
    const code: Told[] = [
      { type: 'action_opened', ...action },
      { type: 'action_closed', ...action, complete: true },
      finish('stop')
    ];
    const run = (status: 'ok' | 'interrupted'): Told[] => [
      { type: 'run_started', run: 'x1', action: 'a1', turn: 't1' },
      { type: 'run_finished', run: 'x1', status }
    ];
    const proceeds = (...more: Told[]) => resumable(of(...code, ...more), 't1')?.proceed;
    expect(proceeds(...run('interrupted'), end('stopped'))).toBe('code');
    expect(proceeds(end('failed'))).toBe('code');
    expect(proceeds(...run('ok'), end('stopped'))).toBe('');
    expect(proceeds(...run('ok'), end('finished'))).toBeUndefined();
    expect(proceeds({ type: 'turn_resumed', turn: 't1', how: 'continue' })).toBeUndefined();
  });

  it('that is not the last one stays as it is', () => {
    const again: Told[] = [
      { type: 'turn_started', turn: 't2', prompt: 'x', model: 'a/b', mode: 'build' },
      { type: 'turn_finished', turn: 't2', status: 'stopped' }
    ];
    const state = of(text, finish('failed'), end('failed'), ...again);
    expect(resumable(state, 't1')).toBeUndefined();
    expect(resumable(state, 't2')).toEqual({ proceed: '' });
  });

  it('goes on when it is resumed, without its error, and shows the newest reply', () => {
    const resumed = of(
      ...[text, finish('failed')],
      {
        ...{ type: 'turn_finished', turn: 't1', status: 'failed' },
        error: { message: 'No.', code: 'timeout', hint: '' }
      } as Told,
      { type: 'turn_resumed', turn: 't1', how: 'retry', model: 'c/d' }
    );
    expect(resumed.turns.get('t1')).toMatchObject({
      ...{ status: 'running', model: 'c/d', error: undefined, resuming: true }
    });
    const next = { type: 'reply_started', turn: 't1', reply: 'r2', model: 'c/d', retries: 'r1' };
    const state = fold(resumed, [{ ...next, n: resumed.n + 1, t: 2000 } as AnyEvent]);
    expect(state.turns.get('t1')!.resuming).toBe(false);
    expect(lastReply(state, state.turns.get('t1')!)!.id).toBe('r2');
  });
});

it('a chat has a chain of its own, or the default', () => {
  const chosen: Told = { type: 'fallback_chosen', models: ['c/d'] };
  expect(of(chosen).fallback).toEqual(['c/d']);
  expect(of(chosen, { type: 'fallback_chosen' }).fallback).toBeNull();
});

it('characters are counted as the server counts them', () => {
  expect(['', 'abc', 'Grüße 👋', '👩‍🔬'].map(characters)).toEqual([0, 3, 7, 3]);
  expect(firstCharacters('a👋b', 2)).toBe('a👋');
});
