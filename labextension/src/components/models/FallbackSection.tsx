import React, { useEffect } from 'react';
import { ErrorCard } from '../ErrorCard';
import { ProviderIcon } from '../ProviderIcon';
import { useChatIDE, useServices, useStore } from '../services';
import { useAction } from '../useAction';
import { ChainEditor } from './ChainEditor';
import { ChatChain } from './ChatChain';
import { PickButton } from './PickButton';
import { Unread } from './Unread';

/** Who answers when nobody was picked, and whom to ask when a model is unavailable. */
export function FallbackSection(): JSX.Element {
  const { chatide, trans } = useServices();
  const { preferences } = chatide.gateway;
  const remote = useStore(preferences.store);
  const session = useChatIDE(state => state.session);
  const { busy, problem, run, dismiss } = useAction();
  const { value } = remote;

  useEffect(() => {
    void preferences.load();
  }, [preferences]);

  const change = (fallback: string[] | null): Promise<boolean> =>
    run('chain', async () => {
      preferences.set(await chatide.api.changePreferences({ fallback }));
    });

  return (
    <>
      <section className="jp-ChatIDE-group">
        <h3>{trans.__('Default model')}</h3>
        <p className="jp-ChatIDE-lead">
          {trans.__('Answers in new chats until you pick another.')}
        </p>
        <DefaultModel />
      </section>
      <section className="jp-ChatIDE-group">
        <h3>{trans.__('When a model is unavailable')}</h3>
        <p className="jp-ChatIDE-lead">
          {trans.__(
            'These are asked instead, in this order: after a rate limit, an outage or no answer, and only before the first word. The chat says so each time. A wrong key or a refused request never moves on.'
          )}
        </p>
        <Unread remote={remote} onRetry={() => void preferences.load()} />
        {value && (
          <ChainEditor
            label={trans.__('Default chain')}
            models={value.fallback ?? value.default_fallback}
            busy={busy !== ''}
            onChange={models => void change(models)}
          >
            {value.fallback !== null && value.default_fallback.length > 0 && (
              <button
                type="button"
                className="jp-ChatIDE-link"
                disabled={busy !== ''}
                onClick={() => void change(null)}
              >
                {trans.__('Use the configured chain')}
              </button>
            )}
          </ChainEditor>
        )}
        {problem && <ErrorCard error={{ ...problem, code: 'shown' }} onDismiss={dismiss} />}
      </section>
      {value && session && (
        <ChatChain session={session} inherited={value.fallback ?? value.default_fallback} />
      )}
    </>
  );
}

function DefaultModel(): JSX.Element {
  const { chatide, trans } = useServices();
  const model = useChatIDE(state => state.defaultModel);
  const { busy, problem, run, dismiss } = useAction();
  const chosen = useStore(chatide.gateway.preferences.store).value?.default_model;
  const set = (model: string): void => {
    void run('default', () => chatide.setDefaultModel(model));
  };
  return (
    <>
      <div className="jp-ChatIDE-modelLine">
        <ProviderIcon of={model} />
        <span title={model}>{model || trans.__('None can answer yet')}</span>
      </div>
      <div className="jp-ChatIDE-buttons">
        <PickButton label={trans.__('Change')} disabled={busy !== ''} onPick={set} />
        {chosen && (
          <button
            type="button"
            className="jp-ChatIDE-link"
            disabled={busy !== ''}
            onClick={() => set('')}
          >
            {trans.__('Choose by itself')}
          </button>
        )}
      </div>
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} onDismiss={dismiss} />}
    </>
  );
}
