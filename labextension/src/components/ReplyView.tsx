import React, { memo, useState } from 'react';
import { chevronRightIcon } from '../icons';
import type { IReply } from '../model/chat';
import { modelName } from '../model/chatide';
import { ActionCard } from './ActionCard';
import { Icon } from './IconButton';
import { MarkdownView } from './MarkdownView';
import { ProviderIcon } from './ProviderIcon';
import { useServices, useSessionState } from './services';

/** One answer of a model: who answered, its reasoning, its text and its actions. */
export const ReplyView = memo(({ id }: { id: string }) => {
  const { trans } = useServices();
  const reply = useSessionState(({ chat }) => chat.replies.get(id));
  if (!reply) {
    return null;
  }
  const streaming = reply.reason === '';
  const { parts } = reply;
  return (
    <article className="jp-ChatIDE-reply">
      <div className="jp-ChatIDE-by">
        <ProviderIcon of={reply.model} />
        <span title={reply.model}>{modelName(reply.model)}</span>
      </div>
      {reply.switches.map(({ from, to, reason }, index) => (
        <p key={index} className="jp-ChatIDE-switch">
          {trans.__('%1 did not answer (%2): %3 did.', from, reason, to)}
        </p>
      ))}
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
      {streaming && parts.length === 0 && !reply.reasoning && (
        <p className="jp-ChatIDE-thinking">{trans.__('Thinking…')}</p>
      )}
    </article>
  );
});
ReplyView.displayName = 'ReplyView';

function Reasoning({ reply }: { reply: IReply }): JSX.Element {
  const { trans } = useServices();
  const [open, setOpen] = useState(false);
  const going = reply.reason === '' && reply.parts.length === 0;
  return (
    <div className="jp-ChatIDE-reasoning">
      <button
        type="button"
        className={going ? 'jp-ChatIDE-thinking' : ''}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon icon={chevronRightIcon} />
        {going ? trans.__('Reasoning…') : trans.__('Reasoning')}
      </button>
      {open && <MarkdownView text={reply.reasoning} streaming={going} />}
    </div>
  );
}
