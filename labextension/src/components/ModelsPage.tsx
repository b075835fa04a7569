import React, { useEffect } from 'react';
import { backIcon } from '../icons';
import { IconButton } from './IconButton';
import { ProviderCard } from './ProviderCard';
import { useChatIDE, useServices } from './services';

/** Where models are connected: every provider, with its key's status. */
export function ModelsPage(): JSX.Element {
  const { chatide, trans } = useServices();
  const providers = useChatIDE(state => state.providers);
  const asked = useChatIDE(state => state.provider);
  const readiness = useChatIDE(state => state.readiness);

  useEffect(() => {
    void chatide.refreshProviders();
  }, [chatide]);

  return (
    <div
      className="jp-ChatIDE-page"
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          chatide.backToChat();
        }
      }}
    >
      <div className="jp-ChatIDE-header">
        <IconButton
          autoFocus
          icon={backIcon}
          label={trans.__('Back to the chat')}
          onClick={() => chatide.backToChat()}
        />
        <h2 className="jp-ChatIDE-pageTitle">{trans.__('Models and keys')}</h2>
      </div>
      <div className="jp-ChatIDE-pageBody">
        <p className="jp-ChatIDE-lead">
          {trans.__(
            'A key stays on the Jupyter server: it is never shown again, and never given to a notebook, a chat or code that runs.'
          )}
        </p>
        {typeof readiness === 'object' && (
          <p className="jp-ChatIDE-card jp-mod-error" role="alert">
            {readiness.message} {readiness.hint}
          </p>
        )}
        <ul className="jp-ChatIDE-providers">
          {providers.map(provider => (
            <ProviderCard
              key={provider.id}
              provider={provider}
              startsOpen={provider.id === asked}
            />
          ))}
        </ul>
      </div>
    </div>
  );
}
