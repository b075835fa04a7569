import { demo, provider } from '../../__tests__/fakeApi';
import { choiceGroups } from '../choices';
import { notebookCode } from '../notebookCode';
import type { IAction } from '../chat';
import { fileSize, seconds } from '../wording';

const providers = [demo, provider('openai', { ready: true }), provider('groq')];
const models = (id: string) => (id === 'openai' ? [{ id: 'small' }, { id: 'best' }] : []);
const offered = (query: string) =>
  choiceGroups(query, providers, models).flatMap(({ choices }) =>
    choices.map(({ model }) => model)
  );

describe('the model picker offers', () => {
  it('the default of each provider first, then what it lists', () => {
    expect(offered('')).toEqual(['demo/demo', 'openai/best', 'openai/small', 'groq/best']);
  });

  it('what matches all the words', () => {
    expect(offered('openai small')).toEqual(['openai/small']);
  });

  it('a model that no list has, at each provider that is ready', () => {
    expect(offered('gpt-next')).toEqual(['openai/gpt-next']);
  });

  it('what a list has before what was only typed, wherever it stands', () => {
    const two = [provider('a', { ready: true }), provider('b', { ready: true })];
    const listed = (id: string) => (id === 'b' ? [{ id: 'small' }] : []);
    const [first, second] = choiceGroups('small', two, listed);
    expect(first.choices[0]).toMatchObject({ model: 'b/small', typed: false });
    expect(second.choices[0]).toMatchObject({ model: 'a/small', typed: true });
  });

  it('a model that is typed with its provider, at that one only', () => {
    expect(offered('openai/ft:mine')).toEqual(['openai/ft:mine']);
    expect(offered('openai/')).toEqual(['openai/best', 'openai/small']);
  });

  it('no more than can be looked through', () => {
    const many = Array.from({ length: 100 }, (_, index) => ({ id: `m${index}` }));
    const [group] = choiceGroups('', [provider('openai', { ready: true })], () => many);
    expect(group.choices.length).toBeLessThan(50);
    expect(group.more).toBe(101 - group.choices.length);
  });
});

describe('in a notebook', () => {
  const action = (more: Partial<IAction>): IAction => ({
    ...{ id: 'a1', reply: 'r1', turn: 't1', kind: 'cell', language: 'python', path: '' },
    ...{ content: 'x = 1\n', written: 6, closed: true, complete: true },
    ...more
  });

  it('a cell is its code, and the rest is a magic', () => {
    expect(notebookCode(action({}))).toBe('x = 1');
    expect(notebookCode(action({ kind: 'shell', content: 'ls\n' }))).toBe('%%bash\nls');
    expect(notebookCode(action({ kind: 'file', path: 'a.py' }))).toBe('%%writefile a.py\nx = 1');
    expect(notebookCode(action({ kind: 'pip', content: 'a\nb\n' }))).toBe('%pip install a b');
    expect(notebookCode(action({ kind: 'edit' }))).toBeNull();
    expect(notebookCode(action({ kind: 'example', language: 'text' }))).toBeNull();
  });
});

describe('amounts', () => {
  it('read well', () => {
    expect([0.43, 12, 125].map(seconds)).toEqual(['0.4 s', '12 s', '2 min 5 s']);
    expect([120, 3400, 12e6].map(fileSize)).toEqual(['120 B', '3.4 kB', '12 MB']);
  });
});
