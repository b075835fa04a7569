/** How a reply changes with its events. */
import type { IReply, ReplyPart } from './chat';
import type { EventOf } from './events';

export function newReply(event: EventOf<'reply_started'>): IReply {
  const { reply: id, turn, model, attempt = 0 } = event;
  return {
    ...{ id, turn, model, attempt },
    ...{ parts: [], reasoning: '', detours: [], continued: [], superseded: false, reason: '' }
  };
}

export function withText(reply: IReply, { text, t }: EventOf<'reply_text'>): Partial<IReply> {
  const { parts } = reply;
  const last = parts[parts.length - 1];
  const grown: readonly ReplyPart[] =
    last?.type === 'text'
      ? [...parts.slice(0, -1), { type: 'text', text: last.text + text }]
      : [...parts, { type: 'text', text }];
  return { parts: grown, ...thought(reply, t) };
}

export function withAction(
  reply: IReply,
  { action, t }: EventOf<'action_opened'>
): Partial<IReply> {
  return { parts: [...reply.parts, { type: 'action', action }], ...thought(reply, t) };
}

export function finishedReply(reply: IReply, event: EventOf<'reply_finished'>): Partial<IReply> {
  const before = reply.earlier;
  return {
    reason: event.reason || 'stop',
    model: event.model || reply.model,
    inputTokens: sum(event.input_tokens, before?.inputTokens, !!before),
    outputTokens: sum(event.output_tokens, before?.outputTokens, !!before),
    cost: sum(event.cost, before?.cost, !!before),
    ...thought(reply, event.t)
  };
}

/** A reply that goes on: what the model wrote past `kept` characters is taken back. */
export function continuedReply(
  reply: IReply,
  event: EventOf<'reply_continued'>,
  parts: readonly ReplyPart[]
): Partial<IReply> {
  const { reason, attempt = 0, limit = 0, model } = event;
  const { inputTokens, outputTokens, cost } = reply;
  return {
    parts,
    reason: '',
    model: model || reply.model,
    continued: [...reply.continued, { reason, attempt, limit }],
    // Those that the reply has at its end are of what comes now.
    earlier: reason === 'asked' ? { inputTokens, outputTokens, cost } : reply.earlier
  };
}

/**
 * The first `kept` characters of a reply.
 *
 * @param written - How many characters an action took, its fences included.
 * @returns The parts, and how many characters of the last of them are kept.
 */
export function firstParts(
  { parts }: IReply,
  kept: number,
  written: (action: string) => number
): { parts: ReplyPart[]; ofLast: number } {
  const result: ReplyPart[] = [];
  let left = kept;
  let ofLast = 0;
  for (const part of parts) {
    if (left <= 0) {
      break;
    }
    const size = part.type === 'text' ? characters(part.text) : written(part.action);
    ofLast = Math.min(size, left);
    left -= ofLast;
    result.push(
      part.type === 'text' ? { ...part, text: firstCharacters(part.text, ofLast) } : part
    );
  }
  return { parts: result, ofLast };
}

/** When the reasoning was over, once something else comes. */
function thought({ reasoning, reasoned }: IReply, t: number): Partial<IReply> {
  return reasoning && reasoned === undefined ? { reasoned: t } : {};
}

/** Unknown where a part of it is. */
function sum(now?: number, before?: number, both = false): number | undefined {
  if (!both) {
    return now;
  }
  return now === undefined || before === undefined ? undefined : now + before;
}

/** Characters as the server counts them: a pair of surrogates is one. */
export function characters(text: string): number {
  let pairs = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit < 0xdc00) {
      pairs += 1;
    }
  }
  return text.length - pairs;
}

/** The first of a text's characters, counted as the server counts them. */
export function firstCharacters(text: string, count: number): string {
  return text.length <= count ? text : [...text].slice(0, count).join('');
}
