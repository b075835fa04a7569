import React, { memo } from 'react';
import type { IReply } from '../model/chat';
import { ActionCard } from './ActionCard';
import { Detours } from './Detours';
import { MarkdownView } from './MarkdownView';
import { Reasoning } from './Reasoning';
import { ReplyFoot } from './ReplyFoot';
import { useServices, useSessionState } from './services';

/** One answer of a model: its reasoning, its text and its actions, and who gave it. */
export const ReplyView = memo(({ id }: { id: string }) => {
  const reply = useSessionState(({ chat }) => chat.replies.get(id));
  if (!reply) {
    return null;
  }
  const streaming = reply.reason === '';
  const { parts } = reply;
  return (
    <article className="jp-ChatIDE-reply">
      <Detours reply={reply} />
      {reply.reasoning && <Reasoning reply={reply} />}
      {parts.map((part, index) =>
        part.type === 'text' ? (
          <MarkdownView
            key={index}
            text={part.text}
            streaming={streaming && index === parts.length - 1}
          />
        ) : (
          <ActionCard key={index} id={part.action} />
        )
      )}
      {streaming && <Waiting reply={reply} />}
      <ReplyFoot reply={reply} />
    </article>
  );
});
ReplyView.displayName = 'ReplyView';

/** What stands where the next word will. */
function Waiting({ reply }: { reply: IReply }): JSX.Element | null {
  const { trans } = useServices();
  const { parts, reasoning, continued } = reply;
  const last = continued[continued.length - 1];
  if (last && last.reason === 'length') {
    return (
      <p className="jp-ChatIDE-thinking">
        {trans.__('Too long for one answer: continuing, %1 of %2…', last.attempt, last.limit)}
      </p>
    );
  }
  return parts.length === 0 && !reasoning ? (
    <p className="jp-ChatIDE-thinking">{trans.__('Thinking…')}</p>
  ) : null;
}
