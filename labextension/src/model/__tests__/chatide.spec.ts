import { ApiError } from '../../api';
import { FakeServer, demo, provider } from '../../__tests__/fakeApi';
import { ChatIDE } from '../chatide';
import { chosenModel, isDemoOnly } from '../models';
import type { IMemory } from '../panelState';
import type { AnyEvent } from '../events';

const offline = new ApiError({ message: 'Away.', code: 'offline', hint: '' }, 0);
const image = { output_type: 'display_data', data: { 'image/png': 'x' }, metadata: {} };
const shown: AnyEvent[] = [
  { type: 'turn_started', n: 1, t: 1, turn: 't1', prompt: 'p', model: 'demo/demo', mode: 'build' },
  { type: 'reply_started', n: 2, t: 1, turn: 't1', reply: 'r1', model: 'demo/demo' },
  { type: 'action_opened', n: 3, t: 1, reply: 'r1', action: 'a1', kind: 'cell' },
  { type: 'run_started', n: 4, t: 1, run: 'x1', action: 'a1', turn: 't1' },
  { type: 'run_output', n: 5, t: 1, run: 'x1', op: 'append', output: image }
];

describe('ChatIDE', () => {
  let server: FakeServer;
  let memory: IMemory;
  let chatide: ChatIDE;
  const state = () => chatide.store.get();

  beforeEach(async () => {
    server = new FakeServer();
    chatide = new ChatIDE({
      api: server.api,
      openStream: server.openStream,
      remember: now => (memory = now)
    });
    await chatide.start();
  });

  it('makes a chat when its first prompt is sent, not before', async () => {
    chatide.newChat();
    expect(server.asked('createChat')).toHaveLength(0);
    chatide.setDraft('Plot it');
    await chatide.send();
    expect(server.asked('createChat')).toHaveLength(1);
    expect(server.asked('startTurn')[0]).toMatchObject([
      'fresh',
      { prompt: 'Plot it', model: 'demo/demo', mode: 'build' }
    ]);
    expect(state().draft).toBe('');
    expect(memory.chat).toBe('fresh');
  });

  it('never loses a prompt to an error, and sends the same turn when tried again', async () => {
    server.failures.startTurn = offline;
    chatide.setDraft('Plot it');
    await chatide.send();
    expect(state()).toMatchObject({ draft: 'Plot it', problem: { code: 'offline' } });
    delete server.failures.startTurn;
    await chatide.send();
    const [first, second] = server.asked('startTurn').map(([, turn]) => turn as { key: string });
    expect(second.key).toBe(first.key);
    expect(server.asked('createChat')).toHaveLength(1);
    expect(state()).toMatchObject({ draft: '', problem: null });
  });

  it('puts an example that could not be sent into the composer', async () => {
    server.failures.createChat = offline;
    await chatide.send('Explore the penguins');
    expect(state().draft).toBe('Explore the penguins');
  });

  it('tries again what failed, and leaves a half-written prompt alone', async () => {
    server.logs = { a: shown };
    await chatide.open('a');
    chatide.setDraft('half a thought');
    server.failures.run = offline;
    await chatide.run('a1');
    expect(state().problem?.code).toBe('offline');
    delete server.failures.run;
    await chatide.retry();
    expect(server.asked('run')).toEqual([
      ['a', 'a1'],
      ['a', 'a1']
    ]);
    expect(server.asked('startTurn')).toHaveLength(0);
    expect(state()).toMatchObject({ draft: 'half a thought', problem: null });
  });

  it('keeps a prompt to its chat when another is opened before the server answers', async () => {
    server.logs = { a: [], b: [] };
    await chatide.open('a');
    chatide.setDraft('for a');
    server.failures.startTurn = offline;
    const failing = chatide.send();
    await chatide.open('b');
    await failing;
    expect(state()).toMatchObject({ draft: '', problem: null });
    await chatide.open('a');
    expect(state().draft).toBe('for a');
    delete server.failures.startTurn;
    const sending = chatide.send();
    await Promise.all([chatide.open('b'), sending]);
    await chatide.open('a');
    expect(state().draft).toBe('');
  });

  it('sends nothing while a turn goes on', async () => {
    await chatide.send('One');
    server.tell(shown[0]);
    await chatide.send('Two');
    expect(server.asked('startTurn')).toHaveLength(1);
  });

  it('keeps a draft for each chat', async () => {
    server.logs = { a: [], b: [] };
    await chatide.open('a');
    chatide.setDraft('for a');
    await chatide.open('b');
    expect(state().draft).toBe('');
    chatide.setDraft('for b');
    await chatide.open('a');
    expect(state().draft).toBe('for a');
  });

  it('opens the chat of the last visit again, with its draft', async () => {
    server.logs = { a: shown };
    const again = new ChatIDE({ api: server.api, openStream: server.openStream });
    await again.start({ chat: 'a', drafts: { a: 'half a' }, model: 'demo/demo' });
    expect(again.session?.chat.order).toEqual(['t1']);
    expect(again.store.get().draft).toBe('half a');
    expect(server.streams.pop()!.url()).toBe('ws://a?after=5');
  });

  it('opens the chat that is at work where Lab does not remember one', async () => {
    server.logs = { a: [], b: [] };
    server.running.add('b');
    const again = new ChatIDE({ api: server.api, openStream: server.openStream });
    await again.start({});
    expect(again.store.get().session?.id).toBe('b');
  });

  it('begins anew when the chat of the last visit was deleted', async () => {
    const gone = new ApiError({ message: 'No such chat.', code: 'not_found', hint: '' }, 404);
    server.failures.log = gone;
    const again = new ChatIDE({ api: server.api, openStream: server.openStream });
    await again.start({ chat: 'a' });
    await Promise.resolve();
    expect(again.session).toBeNull();
  });

  it('tells of a new preview, and not of one in the past', async () => {
    const told: string[] = [];
    server.logs = { a: shown };
    void chatide.open('a');
    chatide.session!.previewed.connect((_, preview) => told.push(preview.key));
    await new Promise(resolve => setTimeout(resolve));
    expect(told).toEqual([]);
    server.tell({ ...shown[4], n: 6 });
    expect(told).toEqual(['output:x1:1']);
    server.tell({ type: 'turn_finished', n: 7, t: 1, turn: 't1', status: 'finished' });
    expect(told).toHaveLength(1);
  });

  it('remembers the model that was picked, while its provider is there', () => {
    chatide.setModel('openai/gpt');
    expect(memory.model).toBe('openai/gpt');
    expect(chosenModel(state())).toBe('demo/demo');
    chatide.store.set({ providers: [demo, provider('openai')] });
    expect(chosenModel(state())).toBe('openai/gpt');
  });

  it('knows when only the demo can answer', () => {
    expect(isDemoOnly(state())).toBe(true);
    chatide.store.set({ providers: [demo, provider('openai', { ready: true })] });
    expect(isDemoOnly(state())).toBe(false);
  });

  it('leaves a chat that is deleted', async () => {
    server.logs = { a: [] };
    await chatide.open('a');
    await chatide.delete('a');
    expect(chatide.session).toBeNull();
  });
});
