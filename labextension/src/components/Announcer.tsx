import React, { useEffect, useState } from 'react';
import type { AnyEvent } from '../model/events';
import { useChatIDE, useServices } from './services';

/** Tells a screen reader what happens in the chat, without reading each word as it streams. */
export function Announcer(): JSX.Element {
  const { trans } = useServices();
  const session = useChatIDE(state => state.session);
  const [text, setText] = useState('');

  useEffect(() => {
    if (!session) {
      return;
    }
    const words = (event: AnyEvent): string => {
      switch (event.type) {
        case 'reply_started':
          return trans.__('The model is answering.');
        case 'model_retried':
          return trans.__('%1 is asked again.', event.model);
        case 'model_switched':
          return trans.__('%1 answers instead of %2.', event.to_model, event.from_model);
        case 'reply_continued':
          return trans.__('The model goes on.');
        case 'run_finished':
          if (event.status === 'interrupted') {
            return trans.__('Stopped.');
          }
          return event.status === 'ok' ? '' : trans.__('The code failed.');
        case 'repair_started':
          return trans.__('Attempt %1 of %2 to mend it.', event.attempt, event.limit);
        case 'turn_finished':
          return event.status === 'finished'
            ? trans.__('The turn is finished.')
            : (event.error?.message ?? trans.__('The turn has ended early.'));
        default:
          return '';
      }
    };
    const announce = (_: unknown, events: readonly AnyEvent[]): void => {
      const told = session.store.get().status === 'live' ? events.map(words).filter(Boolean) : [];
      if (told.length) {
        setText(told[told.length - 1]);
      }
    };
    session.changed.connect(announce);
    return () => {
      session.changed.disconnect(announce);
    };
  }, [session, trans]);

  return (
    <div className="jp-ChatIDE-hidden" role="status" aria-live="polite">
      {text}
    </div>
  );
}
