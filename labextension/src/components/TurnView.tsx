import React, { memo } from 'react';
import { repairIcon } from '../icons';
import type { ITurn, TurnItem } from '../model/chat';
import { isBeyondDemo, providerOf } from '../model/chatide';
import { ErrorCard } from './ErrorCard';
import { Icon } from './IconButton';
import { NoticeCard } from './NoticeCard';
import { PromptBubble } from './PromptBubble';
import { ReplyView } from './ReplyView';
import { useServices, useSessionState } from './services';

/** One prompt and all that followed from it. */
export const TurnView = memo(({ id, last }: { id: string; last: boolean }) => {
  const { trans } = useServices();
  const turn = useSessionState(({ chat }) => chat.turns.get(id));
  if (!turn) {
    return null;
  }
  const answering = turn.status === 'running' && !turn.items.some(({ type }) => type === 'reply');
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
    return <ReplyView id={item.reply} />;
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

/** How the turn ended, where that is worth saying. */
function TurnEnd({ turn, last }: { turn: ITurn; last: boolean }): JSX.Element | null {
  const { chatide, trans } = useServices();
  const retry = last ? () => void chatide.send(turn.prompt, turn.model) : undefined;
  if (turn.status === 'failed' && turn.error) {
    return (
      <ErrorCard
        error={turn.error}
        provider={providerOf(turn.model, chatide.store.get().providers)?.id}
        onRetry={retry}
        onPickModel={last ? () => chatide.askForModel() : undefined}
      />
    );
  }
  if (turn.status === 'finished' && last && isBeyondDemo(turn, chatide.store.get())) {
    return (
      <NoticeCard
        notice={{
          ...{ n: 0, level: 'info', code: 'demo' },
          message: trans.__('Connect a model to ask anything you like.'),
          hint: ''
        }}
      />
    );
  }
  const text = {
    running: '',
    finished: '',
    failed: trans.__('This turn failed.'),
    stopped: trans.__('Stopped.'),
    interrupted: trans.__(
      'The Jupyter server ended in the middle of this turn. What had arrived is kept; nothing has run again.'
    )
  }[turn.status];
  return text ? (
    <p className="jp-ChatIDE-turnEnd">
      <span>{text}</span>
      {retry && (
        <button type="button" className="jp-ChatIDE-button" onClick={retry}>
          {trans.__('Send again')}
        </button>
      )}
    </p>
  ) : null;
}
