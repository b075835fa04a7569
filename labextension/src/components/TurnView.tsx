import React, { memo, useState } from 'react';
import { chevronRightIcon, repairIcon } from '../icons';
import type { TurnItem } from '../model/chat';
import { Icon } from './IconButton';
import { NoticeCard } from './NoticeCard';
import { PromptBubble } from './PromptBubble';
import { ReplyView } from './ReplyView';
import { useServices, useSessionState } from './services';
import { TurnEnd } from './TurnEnd';

/** One prompt and all that followed from it. */
export const TurnView = memo(({ id, last }: { id: string; last: boolean }) => {
  const { trans } = useServices();
  const turn = useSessionState(({ chat }) => chat.turns.get(id));
  if (!turn) {
    return null;
  }
  const empty = !turn.items.some(({ type }) => type === 'reply');
  const answering = turn.status === 'running' && (empty || turn.resuming);
  return (
    <section className="jp-ChatIDE-turn" aria-label={turn.prompt.slice(0, 80)}>
      <PromptBubble prompt={turn.prompt} />
      {turn.items.map((item, index) => (
        <Item key={index} item={item} />
      ))}
      {answering && <p className="jp-ChatIDE-thinking">{trans.__('Starting…')}</p>}
      <TurnEnd turn={turn} last={last} />
    </section>
  );
});
TurnView.displayName = 'TurnView';

function Item({ item }: { item: TurnItem }): JSX.Element {
  const { trans } = useServices();
  if (item.type === 'reply') {
    return <Answer id={item.reply} />;
  }
  if (item.type === 'notice') {
    return <NoticeCard notice={item.notice} />;
  }
  return (
    <p className="jp-ChatIDE-repair">
      <Icon icon={repairIcon} />
      <span>
        <strong>{trans.__('Attempt %1 of %2:', item.attempt, item.limit)}</strong> {item.reason}
      </span>
    </p>
  );
}

/** A reply; one that was given up for another is folded. */
function Answer({ id }: { id: string }): JSX.Element {
  const { trans } = useServices();
  const superseded = useSessionState(({ chat }) => chat.replies.get(id)?.superseded);
  const [open, setOpen] = useState(false);
  if (!superseded) {
    return <ReplyView id={id} />;
  }
  return (
    <div className="jp-ChatIDE-earlier">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon icon={chevronRightIcon} />
        {trans.__('Earlier try')}
      </button>
      {open && <ReplyView id={id} />}
    </div>
  );
}
