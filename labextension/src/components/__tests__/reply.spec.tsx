import { RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { FakeServer, demo, provider } from '../../__tests__/fakeApi';
import { ApiError } from '../../api';
import { ChatIDE } from '../../model/chatide';
import type { AnyEvent } from '../../model/events';
import { Panel } from '../Panel';

type Told = AnyEvent extends infer E ? (E extends AnyEvent ? Omit<E, 'n' | 't'> : never) : never;

const begin: Told[] = [
  { type: 'turn_started', turn: 't1', prompt: 'Go', model: 'one/first', mode: 'build' },
  { type: 'reply_started', turn: 't1', reply: 'r1', model: 'one/first' }
];
const text: Told = { type: 'reply_text', reply: 'r1', text: 'Half a reply' };
const cut: Told[] = [
  text,
  { type: 'reply_finished', reply: 'r1', reason: 'failed', model: 'one/first' },
  {
    ...{ type: 'turn_finished', turn: 't1', status: 'failed' },
    error: { message: 'The connection dropped.', code: 'unreachable', hint: '' }
  } as Told
];

describe('a reply', () => {
  let server: FakeServer;
  let chatide: ChatIDE;
  let n: number;

  beforeAll(() => {
    global.ResizeObserver = class {
      observe(): void {}
      unobserve(): void {}
      disconnect(): void {}
    };
  });

  beforeEach(async () => {
    n = 0;
    server = new FakeServer();
    server.logs = { a: [] };
    server.providerList = [
      demo,
      provider('one', { ready: true }),
      provider('two', { ready: true })
    ];
    chatide = new ChatIDE({ api: server.api, openStream: server.openStream });
    await chatide.start();
    await chatide.open('a');
    render(
      <Panel
        services={{
          chatide,
          rendermime: new RenderMimeRegistry({ initialFactories: standardRendererFactories }),
          languages: null,
          trans: nullTranslator.load(''),
          insert: null
        }}
      />
    );
  });

  afterEach(cleanup);

  const settle = () => act(async () => void (await new Promise(done => setTimeout(done, 20))));
  const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>('button', { name });
  const tell = async (...events: Told[]) => {
    act(() => server.tell(...events.map(event => ({ ...event, n: ++n, t: n }) as AnyEvent)));
    await settle();
  };
  const shown = () => screen.getByRole('log').textContent!;
  const foot = () => document.querySelector('.jp-ChatIDE-by')!.textContent;

  it('says who answered, how long it was and what it cost', async () => {
    const tokens = { input_tokens: 1200, output_tokens: 34 };
    await tell(...begin, text);
    expect(foot()).toBe('first');
    await tell({ type: 'reply_finished', reply: 'r1', reason: 'stop', ...tokens, cost: 0.0021 });
    expect(foot()).toBe('first1.2k in34 out$0.0021');
    expect(screen.getByLabelText('Answered by one/first')).not.toBeNull();
  });

  it('says that its cost is unknown, and never that it cost nothing', async () => {
    await tell(...begin, text, {
      ...{ type: 'reply_finished', reply: 'r1', reason: 'stop' },
      ...{ input_tokens: 5, output_tokens: 2 }
    } as Told);
    expect(foot()).toBe('first5 in2 outcost unknown');
  });

  it('tells of a switch in a line, and why on a click', async () => {
    await tell(...begin, {
      ...{ type: 'model_switched', reply: 'r1', from_model: 'one/first', to_model: 'two/second' },
      ...{ reason: '429 from One: too many requests', code: 'rate_limit' }
    } as Told);
    expect(shown()).not.toContain('too many requests');
    await tell({ ...text });
    fireEvent.click(button('429 from first, switched to second'));
    expect(shown()).toContain('two/second instead of one/first. 429 from One: too many requests');
    expect(foot()).toBe('second');
  });

  it('tells a model that rests from one that failed', async () => {
    await tell(...begin, {
      ...{ type: 'model_switched', reply: 'r1', from_model: 'one/first', to_model: 'two/second' },
      ...{ reason: 'One failed several times in a row and rests for 20 s', code: 'resting' }
    } as Told);
    expect(shown()).toContain('first rests, switching to second…');
  });

  it('that nobody gave is nobody’s, and says nothing of its cost', async () => {
    const nothing = { input_tokens: 0, output_tokens: 0, cost: 0, model: '' };
    await tell(...begin, { type: 'reply_finished', reply: 'r1', reason: 'failed', ...nothing });
    expect(document.querySelector('.jp-ChatIDE-by')).toBeNull();
  });

  it('says while it waits that it will ask again, and after it that it did', async () => {
    await tell(...begin, {
      ...{ type: 'model_retried', reply: 'r1', model: 'one/first', reason: 'Busy.' },
      ...{ code: 'overloaded', seconds: 2.2, attempt: 1 }
    } as Told);
    expect(shown()).toContain('Overload from first, asking again in 3 s…');
    await tell(text);
    expect(shown()).toContain('Overload from first, asked again');
  });

  it('that was cut goes on with a click, once, with its text kept', async () => {
    await tell(...begin, ...cut);
    expect(shown()).toContain('Half a reply');
    fireEvent.click(button('Continue'));
    fireEvent.click(button('Continue'));
    await settle();
    expect(server.asked('resumeTurn')).toEqual([['a', 't1', { how: 'continue' }]]);
    await tell(
      { type: 'turn_resumed', turn: 't1', how: 'continue' },
      { type: 'reply_continued', reply: 'r1', reason: 'asked', kept: 12, model: 'one/first' },
      { type: 'reply_text', reply: 'r1', text: ' and the rest.' }
    );
    expect(shown()).toContain('Half a reply and the rest.');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('that goes on leaves the focus in the composer, as its button goes away', async () => {
    await tell(...begin, ...cut);
    button('Continue').focus();
    fireEvent.click(button('Continue'));
    await settle();
    await tell({ type: 'turn_resumed', turn: 't1', how: 'continue' });
    expect(document.activeElement).toBe(screen.getByRole('textbox', { name: 'Prompt' }));
  });

  it('that is whole goes on with its code, where that was stopped', async () => {
    const action = { reply: 'r1', action: 'a1', kind: 'cell' } as const;
    await tell(
      ...begin,
      { type: 'action_opened', ...action },
      { type: 'action_closed', ...action, complete: true },
      { type: 'reply_finished', reply: 'r1', reason: 'stop' },
      { type: 'run_started', run: 'x1', action: 'a1', turn: 't1' },
      { type: 'run_finished', run: 'x1', status: 'interrupted' },
      { type: 'turn_finished', turn: 't1', status: 'stopped' }
    );
    expect(screen.queryByRole('button', { name: 'Continue' })).toBeNull();
    fireEvent.click(button('Go on with the code'));
    await settle();
    expect(server.asked('resumeTurn')).toEqual([['a', 't1', { how: 'continue' }]]);
  });

  it('is retried no more when Escape closes the picker, wherever the focus went', async () => {
    await tell(...begin, ...cut);
    fireEvent.click(button('Retry with…'));
    await settle();
    screen.getByRole('combobox').blur(); // as when a change of theme hides the page
    fireEvent.keyDown(document.body, { key: 'Escape' });
    await settle();
    expect(screen.queryByRole('combobox')).toBeNull();
  });

  it('without a word can be retried, but not go on', async () => {
    await tell(...begin, ...cut.slice(1));
    expect(screen.queryByRole('button', { name: 'Continue' })).toBeNull();
    fireEvent.click(button('Retry'));
    await settle();
    expect(server.asked('resumeTurn')).toEqual([['a', 't1', { how: 'retry' }]]);
  });

  it('is retried with a model that is picked, and then folded away', async () => {
    await tell(...begin, ...cut);
    fireEvent.click(button('Retry with…'));
    await settle();
    const search = screen.getByRole('combobox');
    fireEvent.change(search, { target: { value: 'two/other' } });
    fireEvent.keyDown(search, { key: 'Enter' });
    await settle();
    const retry = { how: 'retry', model: 'two/other' };
    expect(server.asked('resumeTurn')).toEqual([['a', 't1', retry]]);
    await tell(
      { type: 'turn_resumed', turn: 't1', how: 'retry', model: 'two/other' },
      { type: 'reply_started', turn: 't1', reply: 'r2', model: 'two/other', retries: 'r1' },
      { type: 'reply_text', reply: 'r2', text: 'Anew.' }
    );
    expect(shown()).not.toContain('Half a reply');
    fireEvent.click(button('Earlier try'));
    await settle();
    expect(shown()).toContain('Half a reply');
  });

  it('that the server will not let go on says why', async () => {
    const info = { message: 'Only the last turn can go on.', code: 'conflict', hint: '' };
    server.failures.resumeTurn = new ApiError(info, 409);
    await tell(...begin, ...cut);
    fireEvent.click(button('Continue'));
    await settle();
    const alerts = screen.getAllByRole('alert').map(({ textContent }) => textContent);
    expect(alerts.join()).toContain('Only the last turn can go on.');
  });

  it('that goes on by itself says how often', async () => {
    await tell(...begin, text, {
      ...{ type: 'reply_continued', reply: 'r1', reason: 'length', kept: 12 },
      ...{ attempt: 1, limit: 2 }
    } as Told);
    expect(shown()).toContain('continuing, 1 of 2');
    await tell({ type: 'reply_finished', reply: 'r1', reason: 'stop' });
    expect(foot()).toContain('continued 1 of 2');
  });

  it('keeps its reasoning folded, and says how long it took', async () => {
    await tell(...begin, { type: 'reply_reasoning', reply: 'r1', text: 'Hm, well' });
    expect(shown()).not.toContain('Hm, well');
    fireEvent.click(button('Reasoning…'));
    await settle();
    expect(shown()).toContain('Hm, well');
    await tell(text);
    expect(button(/^Thought for 1 s/).getAttribute('aria-expanded')).toBe('true');
  });

  it('that the budget forbids leads to the usage', async () => {
    await tell(...begin, {
      ...{ type: 'turn_finished', turn: 't1', status: 'failed' },
      error: { message: 'The budget is used up.', code: 'budget', hint: '' }
    } as Told);
    fireEvent.click(button('See the usage'));
    await settle();
    expect(screen.getByRole('tab', { selected: true }).textContent).toBe('Usage');
  });
});

it('a chat that cannot be opened says why, and does not open', async () => {
  const server = new FakeServer();
  server.logs = { a: [] };
  server.unreadable = 'Its log is from a newer version.';
  const chatide = new ChatIDE({ api: server.api, openStream: server.openStream });
  await chatide.start();
  render(
    <Panel
      services={{
        chatide,
        rendermime: new RenderMimeRegistry({ initialFactories: standardRendererFactories }),
        languages: null,
        trans: nullTranslator.load(''),
        insert: null
      }}
    />
  );
  fireEvent.click(screen.getByRole('button', { name: /^Chats/ }));
  await act(async () => void (await new Promise(done => setTimeout(done, 20))));
  const row = screen.getByRole<HTMLButtonElement>('button', { name: /Chat a/ });
  expect(row.disabled).toBe(true);
  expect(row.textContent).toContain('Its log is from a newer version.');
  cleanup();
});
