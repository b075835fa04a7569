import { RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';
import { FakeServer, demo, provider } from '../../__tests__/fakeApi';
import { ApiError } from '../../api';
import { ChatIDE } from '../../model/chatide';
import type { AnyEvent } from '../../model/events';
import { Panel } from '../Panel';

const begin: AnyEvent[] = [
  {
    ...{ type: 'turn_started', n: 1, t: 1, turn: 't1', prompt: 'Plot the penguins' },
    ...{ model: 'demo/demo', mode: 'build' }
  } as AnyEvent,
  { type: 'reply_started', n: 2, t: 1, turn: 't1', reply: 'r1', model: 'demo/demo' },
  { type: 'action_opened', n: 3, t: 1, reply: 'r1', action: 'a1', kind: 'cell' },
  { type: 'action_delta', n: 4, t: 1, action: 'a1', text: 'plot()\n' },
  { type: 'action_closed', n: 5, t: 1, action: 'a1', kind: 'cell', complete: true },
  { type: 'run_started', n: 6, t: 1, run: 'x1', action: 'a1', turn: 't1' }
];

describe('the panel', () => {
  let server: FakeServer;
  let chatide: ChatIDE;
  let inserted: string[];

  beforeAll(() => {
    global.ResizeObserver = class {
      observe(): void {}
      unobserve(): void {}
      disconnect(): void {}
    };
  });

  beforeEach(async () => {
    server = new FakeServer();
    server.providerList = [demo, provider('openai')];
    chatide = new ChatIDE({ api: server.api, openStream: server.openStream });
    inserted = [];
    await chatide.start();
    render(
      <Panel
        services={{
          chatide,
          rendermime: new RenderMimeRegistry({ initialFactories: standardRendererFactories }),
          languages: null,
          trans: nullTranslator.load(''),
          insert: async code => void inserted.push(code)
        }}
      />
    );
  });

  afterEach(cleanup);

  const settle = () => act(async () => void (await new Promise(done => setTimeout(done, 20))));
  const button = (name: string | RegExp) => screen.getByRole('button', { name });
  const prompt = () => screen.getByLabelText<HTMLTextAreaElement>('Prompt');
  const chat = async (...events: AnyEvent[]) => {
    await act(() => chatide.send('Plot the penguins'));
    act(() => server.tell(...begin, ...events));
    await settle();
  };

  it('greets with examples, and sends the one that is clicked', async () => {
    fireEvent.click(button(/Explore/));
    await settle();
    expect(server.asked('startTurn')[0][1]).toMatchObject({ prompt: 'Explore the penguins' });
  });

  it('has one clear way to connect a model', async () => {
    fireEvent.click(button('Connect a model'));
    expect(screen.getByRole('heading', { level: 2 }).textContent).toBe('Models and keys');
  });

  it('sends with Enter, and begins a line with Shift and Enter', async () => {
    fireEvent.change(prompt(), { target: { value: 'Hello' } });
    fireEvent.keyDown(prompt(), { key: 'Enter', shiftKey: true });
    expect(server.asked('startTurn')).toHaveLength(0);
    fireEvent.keyDown(prompt(), { key: 'Enter' });
    await settle();
    expect(server.asked('startTurn')).toHaveLength(1);
    expect(prompt().value).toBe('');
  });

  it('says what went wrong, keeps the prompt, and tries again', async () => {
    server.failures.createChat = new ApiError(
      { message: 'The server is away.', code: 'offline', hint: 'Start it.' },
      0
    );
    fireEvent.change(prompt(), { target: { value: 'Hello' } });
    fireEvent.click(button('Send'));
    await settle();
    expect(screen.getByRole('alert').textContent).toContain('The server is away.');
    expect(prompt().value).toBe('Hello');
    server.failures = {};
    fireEvent.click(button('Try again'));
    await settle();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('stops with the button and with Escape', async () => {
    await chat();
    fireEvent.click(button(/^Stop/));
    await settle();
    fireEvent.keyDown(prompt(), { key: 'Escape' });
    await settle();
    expect(server.asked('stop')).toHaveLength(2);
  });

  it('shows code with its status, and puts it into a notebook', async () => {
    await chat();
    const card = document.querySelector<HTMLElement>('.jp-ChatIDE-action')!;
    expect(card.querySelector('code')!.textContent).toBe('plot()');
    expect(within(card).getByText('Running')).not.toBeNull();
    fireEvent.click(within(card).getByRole('button', { name: 'Insert into notebook' }));
    expect(inserted).toEqual(['plot()']);
  });

  it('runs code again when the turn is over', async () => {
    await chat();
    const again = () => button('Run again') as HTMLButtonElement;
    expect(again().disabled).toBe(true);
    act(() =>
      server.tell(
        { type: 'run_finished', n: 7, t: 2, run: 'x1', status: 'ok', duration: 0.4 },
        { type: 'turn_finished', n: 8, t: 2, turn: 't1', status: 'finished' }
      )
    );
    fireEvent.click(again());
    await settle();
    expect(server.asked('run')).toEqual([['fresh', 'a1']]);
  });

  it('shows outputs as they come, and an error by its last line', async () => {
    const text = (value: string) => ({ output_type: 'stream', name: 'stdout', text: value });
    await chat(
      { type: 'run_output', n: 7, t: 1, run: 'x1', op: 'append', output: text('one ') },
      { type: 'run_output', n: 8, t: 1, run: 'x1', op: 'append', output: text('two') },
      {
        ...{ type: 'run_finished', n: 9, t: 1, run: 'x1', status: 'error' },
        error: { ename: 'KeyError', evalue: "'sex'", traceback: ['line one', 'line two'] }
      } as AnyEvent
    );
    expect(document.querySelector('.jp-OutputArea')!.textContent).toContain('one two');
    const summary = button("KeyError: 'sex'");
    expect(summary.getAttribute('aria-expanded')).toBe('false');
    fireEvent.click(summary);
    await settle();
    expect(document.querySelector('.jp-ChatIDE-traceback')!.textContent).toContain('line two');
  });

  it('tells how a turn ended, with what helps', async () => {
    await chat({
      ...{ type: 'turn_finished', n: 7, t: 1, turn: 't1', status: 'failed' },
      error: { message: 'OpenAI refused the key.', code: 'authentication', hint: 'Check it.' }
    } as AnyEvent);
    expect(screen.getByRole('alert').textContent).toContain('OpenAI refused the key.');
    fireEvent.click(button('Open models and keys'));
    expect(screen.getByRole('heading', { level: 2 }).textContent).toBe('Models and keys');
  });

  it('says that the server ended in the middle, and offers to retry', async () => {
    await chat(
      { type: 'run_finished', n: 7, t: 1, run: 'x1', status: 'lost' },
      { type: 'turn_finished', n: 8, t: 1, turn: 't1', status: 'interrupted' }
    );
    expect(screen.getByText(/ended in the middle/)).not.toBeNull();
    fireEvent.click(button('Retry'));
    fireEvent.click(button('Retry'));
    await settle();
    expect(server.asked('resumeTurn')).toEqual([['fresh', 't1', { how: 'retry' }]]);
  });

  it('forgets a key as soon as it is saved, and says how a real call went', async () => {
    fireEvent.click(button('Models and keys'));
    await settle();
    fireEvent.click(button(/openai/));
    const field = screen.getByLabelText<HTMLInputElement>('Key');
    expect(field.type).toBe('password');
    fireEvent.change(field, { target: { value: 'sk-canary' } });
    fireEvent.click(button('Save'));
    await settle();
    expect(server.asked('setKey')[0]).toEqual([
      'openai',
      { key: 'sk-canary', base_url: null, place: null }
    ]);
    expect(field.value).toBe('');
    expect(document.body.innerHTML).not.toContain('sk-canary');
    expect(screen.getByText(/It works\./)).not.toBeNull();
  });

  it('picks a model by typing', async () => {
    server.providerList = [demo, provider('openai', { ready: true })];
    await act(() => chatide.refreshProviders());
    fireEvent.click(button(/^Model:/));
    await settle();
    const search = screen.getByRole('combobox');
    fireEvent.change(search, { target: { value: 'openai small' } });
    fireEvent.keyDown(search, { key: 'Enter' });
    await settle();
    expect(chatide.store.get().model).toBe('openai/small');
    expect(screen.queryByRole('combobox')).toBeNull();
  });

  it('closes the model picker with a click elsewhere, whatever had the focus before', async () => {
    act(() => (document.activeElement as HTMLElement | null)?.blur());
    await act(async () => {
      chatide.askForModel();
      await new Promise(done => setTimeout(done, 20));
    });
    expect(screen.queryByRole('combobox')).not.toBeNull();
    fireEvent.pointerDown(prompt());
    expect(screen.queryByRole('combobox')).toBeNull();
  });

  it('stops with Escape, but not with the one that ends a composition', async () => {
    await chat();
    fireEvent.keyDown(prompt(), { key: 'Escape', isComposing: true });
    expect(server.asked('stop')).toHaveLength(0);
    fireEvent.keyDown(prompt(), { key: 'Escape' });
    await settle();
    expect(server.asked('stop')).toHaveLength(1);
  });

  it('tells a screen reader of a Stop as a Stop, not as a failure', async () => {
    await chat({ type: 'run_finished', n: 7, t: 1, run: 'x1', status: 'interrupted' });
    const told = screen.getAllByRole('status').map(({ textContent }) => textContent);
    expect(told).toContain('Stopped.');
  });

  it('asks before it deletes a chat', async () => {
    server.logs = { one: [] };
    fireEvent.click(button('Chats: New chat'));
    await settle();
    fireEvent.click(button('Delete'));
    expect(server.asked('deleteChat')).toHaveLength(0);
    const dialog = screen.getByRole('alertdialog');
    fireEvent.click(within(dialog).getByRole('button', { name: 'Delete' }));
    await settle();
    expect(server.asked('deleteChat')).toEqual([['one']]);
  });
});
