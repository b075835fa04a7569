import React, { useState } from 'react';
import { arrowDownIcon } from '../icons';
import type { ChatSession } from '../model/session';
import { ErrorCard } from './ErrorCard';
import { IconButton } from './IconButton';
import { NoticeCard } from './NoticeCard';
import { Session, useChatIDE, useServices, useSessionState } from './services';
import { TurnView } from './TurnView';
import { useStickyScroll } from './useStickyScroll';

const FIRST_TURNS = 20; // shown at once; the ones before come on demand

/** A chat's turns. It stays at the newest only while the reader is there. */
export function Transcript({ session }: { session: ChatSession }): JSX.Element {
  return (
    <Session.Provider value={session}>
      <Turns key={session.id} />
    </Session.Provider>
  );
}

function Turns(): JSX.Element {
  const { trans } = useServices();
  const sending = useChatIDE(state => state.sending);
  const order = useSessionState(({ chat }) => chat.order);
  const notices = useSessionState(({ chat }) => chat.notices);
  const [shown, setShown] = useState(FIRST_TURNS);
  const { scroller, content, atEnd, toEnd } = useStickyScroll(order.length + Number(sending));
  const hidden = Math.max(0, order.length - shown);

  return (
    <div className="jp-ChatIDE-transcript">
      <div
        ref={scroller}
        className="jp-ChatIDE-scroller"
        role="log"
        aria-live="off"
        aria-label={trans.__('Conversation')}
        tabIndex={0}
      >
        <div ref={content} className="jp-ChatIDE-turns">
          <Loading />
          {hidden > 0 && (
            <button
              type="button"
              className="jp-ChatIDE-button"
              onClick={() => setShown(shown + FIRST_TURNS)}
            >
              {trans._n('Show %1 earlier prompt', 'Show %1 earlier prompts', hidden, hidden)}
            </button>
          )}
          {notices.map(notice => (
            <NoticeCard key={notice.n} notice={notice} />
          ))}
          {order.slice(hidden).map((turn, index) => (
            <TurnView key={turn} id={turn} last={index === order.length - hidden - 1} />
          ))}
        </div>
      </div>
      {!atEnd && (
        <IconButton
          className="jp-ChatIDE-jump"
          icon={arrowDownIcon}
          label={trans.__('Jump to the latest')}
          onClick={toEnd}
        />
      )}
      <Connection />
    </div>
  );
}

/** What stands in for a log that is not there yet, or cannot be had. */
function Loading(): JSX.Element | null {
  const { trans } = useServices();
  const status = useSessionState(state => state.status);
  const problem = useSessionState(state => state.problem);
  const session = useChatIDE(state => state.session);
  if (status === 'loading') {
    return <p className="jp-ChatIDE-nothing">{trans.__('Opening the chat…')}</p>;
  }
  if (status === 'gone') {
    const error = {
      message: trans.__('This chat was deleted.'),
      code: 'not_found',
      hint: trans.__('Open another one, or begin a new one.')
    };
    return <ErrorCard error={error} />;
  }
  if (status === 'failed' && problem) {
    return <ErrorCard error={{ ...problem, code: 'retry' }} onRetry={() => void session?.open()} />;
  }
  return null;
}

/** A quiet line while the events' connection is down. */
function Connection(): JSX.Element | null {
  const { trans } = useServices();
  const status = useSessionState(state => state.status);
  return status === 'reconnecting' ? (
    <p className="jp-ChatIDE-connection" role="status">
      {trans.__('Reconnecting…')}
    </p>
  ) : null;
}
