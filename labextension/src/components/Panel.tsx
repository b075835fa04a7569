import React from 'react';
import type { ChatSession } from '../model/session';
import { Announcer } from './Announcer';
import { Composer } from './Composer';
import { EmptyChat } from './EmptyChat';
import { Header } from './Header';
import { ModelsPage } from './models/ModelsPage';
import { Services, useChatIDE, useServices } from './services';
import type { IServices } from './services';
import { Transcript } from './Transcript';

/** All that the sidebar holds. */
export function Panel({ services }: { services: IServices }): JSX.Element {
  return (
    <Services.Provider value={services}>
      <Pages />
    </Services.Provider>
  );
}

function Pages(): JSX.Element {
  const { chatide } = useServices();
  const page = useChatIDE(state => state.page);
  const session = useChatIDE(state => state.session);
  return (
    <div
      className="jp-ChatIDE-root"
      onKeyDown={event => {
        // Escape also ends the composition of a character, which is no Stop.
        if (event.key === 'Escape' && session?.busy && !event.nativeEvent.isComposing) {
          event.preventDefault();
          event.stopPropagation();
          void chatide.stop();
        }
      }}
    >
      {page === 'models' ? (
        <ModelsPage />
      ) : (
        <>
          <Header />
          <Conversation session={session} />
          <Composer />
        </>
      )}
      <Announcer />
    </div>
  );
}

function Conversation({ session }: { session: ChatSession | null }): JSX.Element {
  const started = useChatIDE(state => state.started);
  if (session) {
    return <Transcript session={session} />;
  }
  return started ? <EmptyChat /> : <div className="jp-ChatIDE-empty" />;
}
