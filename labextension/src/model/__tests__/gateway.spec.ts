import { provider } from '../../__tests__/fakeApi';
import type { UsageRow } from '../events';
import { isMoving } from '../gateway';
import { providerGroups, providerId, providerOrder } from '../providerGroups';
import { Remote } from '../remote';
import { rowsByDay, totalsOf } from '../usage';
import { dollars, price, tokens } from '../wording';

describe('the providers', () => {
  const far = provider('far', { label: 'Far away' });
  const keyed = provider('keyed', { key: { set: true, source: 'file', hint: '' } });
  const ready = provider('ready', { ready: true });
  const near = provider('near', { group: 'local', running: false });
  const all = [far, keyed, near, ready];

  it('that can answer stand first, then those with a key', () => {
    const [local, cloud] = providerGroups(all, providerOrder(all), '');
    expect(local.providers.map(({ id }) => id)).toEqual(['near']);
    expect(cloud.providers.map(({ id }) => id)).toEqual(['ready', 'keyed', 'far']);
  });

  it('keep their places when one becomes ready, and new ones come last', () => {
    const order = providerOrder(all);
    const now = [provider('new', { ready: true }), { ...far, ready: true }, keyed, near, ready];
    expect(providerGroups(now, order, '')[1].providers.map(({ id }) => id)).toEqual([
      ...['ready', 'keyed', 'far', 'new']
    ]);
  });

  it('are found by each word of their name', () => {
    const found = (query: string) =>
      providerGroups(all, [], query).flatMap(({ providers }) => providers.map(({ id }) => id));
    expect(found('away FAR')).toEqual(['far']);
    expect(found('nothing like it')).toEqual([]);
    expect(found('keyed_api')).toEqual(['keyed']);
  });

  it('of one’s own get an id of their name that is not taken', () => {
    expect(providerId('Büro: vLLM!', [])).toBe('bu-ro-vllm');
    expect(providerId('Lab', ['lab', 'lab-2'])).toBe('lab-3');
    expect(providerId('!!', [])).toBe('server');
    expect(providerId('x'.repeat(90), []).length).toBeLessThanOrEqual(40);
  });
});

describe('usage', () => {
  const row = (day: string, cost: number | null, unknown = 0): UsageRow => ({
    ...{ day, provider: 'p', model: 'm', requests: 1, input_tokens: 10, output_tokens: 5 },
    ...{ cost, unknown, uncounted: 0 }
  });
  const silent = { ...row('a', null, 1), input_tokens: null, output_tokens: null, uncounted: 1 };

  it('of which no tokens are known is not summed to nothing', () => {
    expect(totalsOf([silent])).toMatchObject({ input_tokens: null, uncounted: 1 });
    expect(totalsOf([silent, row('a', 1)])).toMatchObject({ input_tokens: 10, uncounted: 1 });
    expect(totalsOf([]).input_tokens).toBe(0);
  });

  it('is summed, and what is unknown is never nothing', () => {
    expect(totalsOf([row('a', 0.5), row('b', null, 1)])).toEqual({
      ...{ requests: 2, input_tokens: 20, output_tokens: 10, cost: 0.5, unknown: 1 },
      uncounted: 0
    });
    expect(totalsOf([row('a', null, 1)]).cost).toBeNull();
  });

  it('is told by day', () => {
    const days = rowsByDay([row('b', 1), row('b', 2), row('a', 3)]);
    expect(days.map(({ day, rows }) => [day, rows.length])).toEqual([
      ['b', 2],
      ['a', 1]
    ]);
  });
});

describe('amounts', () => {
  it('of tokens read well', () => {
    expect([0, 950, 1000, 1234, 34_400, 128_000, 999_700, 1_048_576].map(tokens)).toEqual([
      ...['0', '950', '1k', '1.2k', '34k', '128k', '1M', '1M']
    ]);
  });

  it('of money show what small ones are', () => {
    expect([0, 0.00000004, 0.000123, 0.0021, 0.051, 0.15, 12.3].map(dollars)).toEqual([
      ...['$0', '<$0.000001', '$0.00012', '$0.0021', '$0.051', '$0.15', '$12.30']
    ]);
    expect([3, 0.15, 12.5].map(price)).toEqual(['$3', '$0.15', '$12.50']);
  });
});

describe('what the server has', () => {
  it('is what was asked for last, whatever comes in last', async () => {
    const answers: ((value: string) => void)[] = [];
    const remote = new Remote<string>(() => new Promise(done => answers.push(done)));
    const both = [remote.load(), remote.load()];
    answers[1]('new');
    answers[0]('old');
    await Promise.all(both);
    expect(remote.store.get()).toEqual({ value: 'new', loading: false, problem: null });
  });

  it('is not overwritten by a reading that began before a change', async () => {
    let answer: (value: string) => void = () => undefined;
    const remote = new Remote<string>(() => new Promise(done => (answer = done)));
    const reading = remote.load();
    remote.set('changed');
    answer('before');
    await reading;
    expect(remote.store.get().value).toBe('changed');
  });

  it('stays when it cannot be read again', async () => {
    let broken = false;
    const remote = new Remote<string>(async () => {
      if (broken) {
        throw new Error('Away.');
      }
      return 'here';
    });
    await remote.load();
    broken = true;
    await remote.load();
    expect(remote.store.get()).toMatchObject({ value: 'here', problem: { message: 'Away.' } });
  });

  it('is soon out of date while a model file moves', () => {
    const idle = { state: 'idle' as const, model: '', context: 0, seconds: 0 };
    const list = { available: true, reason: '', serving: idle, models: [] };
    expect(isMoving(list)).toBe(false);
    expect(isMoving({ ...list, serving: { ...idle, state: 'loading' } })).toBe(true);
  });
});
