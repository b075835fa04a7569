import { blocksOf, cut, NO_BLOCKS, withDollars } from '../markdown';

const REPLY = `# Penguins

I load the **data** first.

- one
- two

  still two

| a | b |
|---|---|
| 1 | 2 |

$$
x = 1

+ 2
$$

\`\`\`text
no

fence
\`\`\`

The end, see [the docs][1].

[1]: https://example.org
`;

describe('Markdown is cut into blocks', () => {
  it('that together are the text', () => {
    const { source } = cut(REPLY);
    expect(blocksOf(cut(REPLY)).join('')).toBe(source);
    expect(source).toBe(REPLY);
  });

  it('of which each stands for itself', () => {
    expect(blocksOf(cut(REPLY)).map(block => block.trim().split('\n')[0])).toEqual([
      '# Penguins',
      'I load the **data** first.',
      '- one',
      '| a | b |',
      '$$',
      '```text',
      'The end, see [the docs][1].',
      '[1]: https://example.org'
    ]);
  });

  it('the same way as it streams as when it is whole', () => {
    for (const step of [1, 3, 7, 50]) {
      let blocks = NO_BLOCKS;
      for (let end = step; end < REPLY.length + step; end += step) {
        blocks = cut(REPLY.slice(0, end), blocks);
      }
      expect(blocks).toEqual(cut(REPLY));
    }
  });

  it('without cutting again what is finished', () => {
    const before = cut(REPLY.slice(0, 60));
    const after = cut(REPLY, before);
    expect(after.starts.slice(0, before.starts.length)).toEqual(before.starts);
    expect(cut(REPLY, after)).toBe(after);
  });

  it('keeping a formula with blank lines in one piece', () => {
    expect(blocksOf(cut('\\[\na\n\nb\n\\]\n\nText'))).toEqual(['\\[\na\n\nb\n\\]\n\n', 'Text']);
  });

  it('not waiting forever for a formula to end', () => {
    const text = 'It costs $$ and more.\n\n' + 'A paragraph.\n\n'.repeat(400);
    expect(blocksOf(cut(text)).length).toBeGreaterThan(50);
  });

  it('whatever the line ends are', () => {
    expect(blocksOf(cut('a\r\n\r\nb'))).toEqual(['a\n\n', 'b']);
  });
});

describe('formulas in brackets', () => {
  it('are written with dollars', () => {
    expect(withDollars('so \\(x^2\\) and \\[y = 1\\]')).toBe('so $x^2$ and $$y = 1$$');
  });

  it('are left alone in code', () => {
    expect(withDollars('`\\(x\\)` and \\(y\\)')).toBe('`\\(x\\)` and $y$');
    const fence = '```tex\n\\[x\\]\n```';
    expect(withDollars(fence)).toBe(fence);
  });
});
