/** Cutting streamed Markdown into blocks, so that a finished block is rendered only once. */
import { marked } from 'marked';

export interface IBlocks {
  /** The Markdown that was cut. */
  readonly source: string;
  /** Offsets in `source` at which blocks begin. */
  readonly starts: readonly number[];
  /** Link definitions (`[name]: url`), which may stand in another block than their links. */
  readonly definitions: readonly { readonly start: number; readonly text: string }[];
}

export const NO_BLOCKS: IBlocks = { source: '', starts: [], definitions: [] };

/**
 * Cut Markdown into blocks.
 *
 * @param text - The whole text so far.
 * @param before - The result for an earlier, shorter text; what was finished there is not read
 *   again when `text` continues it.
 */
export function cut(text: string, before: IBlocks = NO_BLOCKS): IBlocks {
  const source = text.replace(/\r\n?/g, '\n');
  if (source === before.source) {
    return before;
  }
  const continued = before.starts.length > 0 && source.startsWith(before.source);
  const kept = continued ? before.starts.slice(0, -1) : [];
  let offset = continued ? before.starts[before.starts.length - 1] : 0;
  const definitions = before.definitions.filter(({ start }) => start < offset);
  const starts = [...kept];
  let open: number | null = null;
  for (const token of marked.lexer(source.slice(offset), { gfm: true })) {
    if (token.type === 'def') {
      definitions.push({ start: offset, text: token.raw.trim() });
    }
    // A formula may hold blank lines, which end a block everywhere else.
    if (token.type !== 'space' && open === null) {
      starts.push(offset);
      open = offset;
    }
    offset += token.raw.length;
    if (open !== null && (token.type === 'code' || !opensFormula(source.slice(open, offset)))) {
      open = null;
    }
  }
  return { source, starts, definitions };
}

/** The blocks' texts. */
export function blocksOf({ source, starts }: IBlocks): string[] {
  return starts.map((start, index) => source.slice(start, starts[index + 1] ?? source.length));
}

const CODE_SPAN = /(`+)[\s\S]*?\1/g;
/** No formula is longer, in characters: two dollars that nothing closes end here. */
const LONGEST_FORMULA = 4_000;

function opensFormula(text: string): boolean {
  if (text.length > LONGEST_FORMULA) {
    return false;
  }
  const prose = text.replace(CODE_SPAN, '');
  const dollars = prose.split('$$').length - 1;
  const brackets = prose.split('\\[').length - prose.split('\\]').length;
  return dollars % 2 === 1 || brackets > 0;
}

/**
 * Write `\(…\)` and `\[…\]`, which most models use for formulas, as `$…$` and `$$…$$`, which
 * Lab's renderer reads. Code is left as it is.
 */
export function withDollars(block: string): string {
  if (!/\\[([]/.test(block) || /^ {0,3}(```|~~~)/.test(block)) {
    return block;
  }
  const pieces = block.split(/((`+)[\s\S]*?\2)/);
  return pieces
    .map((piece, index) => {
      if (index % 3 === 1) {
        return piece;
      }
      if (index % 3 === 2) {
        return '';
      }
      return piece
        .replace(/\\\[([\s\S]+?)\\\]/g, (_, formula) => `$$${formula}$$`)
        .replace(/\\\(([\s\S]+?)\\\)/g, (_, formula) => `$${formula.trim()}$`);
    })
    .join('');
}
