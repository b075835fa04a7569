import React from 'react';
import { resumable } from '../model/chat';
import type { ITurn } from '../model/chat';
import { isBeyondDemo, providerOf } from '../model/models';
import { ErrorCard } from './ErrorCard';
import { NoticeCard } from './NoticeCard';
import { useChatIDE, useServices, useSessionState } from './services';

/** How a turn ended, where that is worth saying, and how it can go on. */
export function TurnEnd({ turn, last }: { turn: ITurn; last: boolean }): JSX.Element | null {
  const { chatide, trans } = useServices();
  const open = useSessionState(({ chat }) => resumable(chat, turn.id) !== undefined);
  if (turn.status === 'failed' && turn.error) {
    return (
      <ErrorCard
        error={turn.error}
        provider={providerOf(turn.model, chatide.store.get().providers)?.id}
      >
        {open && <ResumeButtons turn={turn} />}
      </ErrorCard>
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
    finished: '', // what cut its reply is said by a notice
    failed: trans.__('This turn failed.'),
    stopped: trans.__('Stopped.'),
    interrupted: trans.__(
      'The Jupyter server ended in the middle of this turn. What had arrived is kept; nothing has run again.'
    )
  }[turn.status];
  return text || open ? (
    <div className="jp-ChatIDE-turnEnd">
      {text && <span>{text}</span>}
      {open && <ResumeButtons turn={turn} />}
    </div>
  ) : null;
}

/** Go on where it broke off, or answer anew; what had come so far stays either way. */
function ResumeButtons({ turn }: { turn: ITurn }): JSX.Element {
  const { chatide, trans } = useServices();
  const sending = useChatIDE(state => state.sending);
  const proceed = useSessionState(({ chat }) => resumable(chat, turn.id)?.proceed);
  const withAnother = (): void => {
    chatide.askForModel({
      label: trans.__('Retry with another model'),
      onPick: model => void chatide.resume(turn.id, 'retry', model)
    });
  };
  return (
    <span className="jp-ChatIDE-buttons">
      {proceed && (
        <button
          type="button"
          className="jp-ChatIDE-button jp-mod-primary"
          disabled={sending}
          title={
            proceed === 'code'
              ? trans.__('The answer is complete; what ran to its end does not run again')
              : trans.__('Go on where it broke off; what ran does not run again')
          }
          onClick={() => void chatide.resume(turn.id, 'continue')}
        >
          {proceed === 'code' ? trans.__('Go on with the code') : trans.__('Continue')}
        </button>
      )}
      <button
        type="button"
        className="jp-ChatIDE-button"
        disabled={sending}
        title={trans.__('The model answers anew')}
        onClick={() => void chatide.resume(turn.id, 'retry')}
      >
        {trans.__('Retry')}
      </button>
      <button
        type="button"
        className="jp-ChatIDE-button"
        aria-haspopup="dialog"
        disabled={sending}
        onClick={withAnother}
      >
        {trans.__('Retry with…')}
      </button>
    </span>
  );
}
