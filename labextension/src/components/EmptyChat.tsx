import React from 'react';
import { chatIcon, exampleIcon, keyIcon } from '../icons';
import { isDemoOnly } from '../model/models';
import { Icon } from './IconButton';
import { useChatIDE, useServices } from './services';

/** What a new chat shows: what this is, and prompts to begin with. */
export function EmptyChat(): JSX.Element {
  const { chatide, trans } = useServices();
  const providers = useChatIDE(state => state.providers);
  const demoOnly = useChatIDE(isDemoOnly);
  const sending = useChatIDE(state => state.sending);
  const readiness = useChatIDE(state => state.readiness);
  const examples = providers.find(({ id }) => id === 'demo')?.examples ?? [];

  return (
    <>
      <div className="jp-ChatIDE-empty">
        <div className="jp-ChatIDE-greeting">
          <Icon icon={chatIcon} className="jp-ChatIDE-mark" />
          <h2>{trans.__('What would you like to find out?')}</h2>
          <p>
            {trans.__(
              'Describe it in your own words. A model writes the code, and it runs at once in a throwaway kernel, never in your notebook.'
            )}
          </p>
        </div>
        {typeof readiness === 'object' && (
          <div className="jp-ChatIDE-card jp-mod-error" role="alert">
            <p>
              <strong>{readiness.message}</strong> {readiness.hint}
            </p>
            <button
              type="button"
              className="jp-ChatIDE-button"
              onClick={() => void chatide.refreshProviders()}
            >
              {trans.__('Try again')}
            </button>
          </div>
        )}
        {examples.length > 0 && (
          <ul className="jp-ChatIDE-examples" aria-label={trans.__('Example prompts')}>
            {examples.map(({ title, prompt, icon }) => (
              <li key={prompt}>
                <button
                  type="button"
                  className="jp-ChatIDE-example"
                  disabled={sending}
                  onClick={() => {
                    void chatide.send(prompt);
                    chatide.focus();
                  }}
                >
                  <Icon icon={exampleIcon(icon)} />
                  <span>
                    <strong>{title}</strong>
                    <span className="jp-ChatIDE-examplePrompt">{prompt}</span>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
      {demoOnly && (
        <div className="jp-ChatIDE-connect">
          <p>{trans.__('Demo: the replies are recorded, their code really runs.')}</p>
          <button
            type="button"
            className="jp-ChatIDE-button jp-mod-primary"
            onClick={() => chatide.connect()}
          >
            <Icon icon={keyIcon} />
            {trans.__('Connect a model')}
          </button>
        </div>
      )}
    </>
  );
}
