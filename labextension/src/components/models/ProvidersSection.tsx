import React, { useEffect, useRef, useState } from 'react';
import { plusIcon, rerunIcon, searchIcon } from '../../icons';
import type { ProviderStatus } from '../../model/events';
import { providerGroups, providerOrder } from '../../model/providerGroups';
import type { ProviderGroup } from '../../model/providerGroups';
import { ErrorCard } from '../ErrorCard';
import { Icon, IconButton } from '../IconButton';
import { useChatIDE, useServices } from '../services';
import { useAction } from '../useAction';
import { CustomProviderForm } from './CustomProviderForm';
import { ProviderCard } from './ProviderCard';

/** Every provider, with its key's status. */
export function ProvidersSection(): JSX.Element {
  const { chatide, trans } = useServices();
  const providers = useChatIDE(state => state.providers);
  const readiness = useChatIDE(state => state.readiness);
  const [query, setQuery] = useState('');
  const order = useSteadyOrder(providers);
  const groups = providerGroups(providers, order, query);
  const shown = groups.filter(({ providers }) => providers.length > 0);

  useEffect(() => {
    void chatide.refreshProviders();
  }, [chatide]);

  return (
    <>
      <label className="jp-ChatIDE-search jp-mod-field">
        <Icon icon={searchIcon} />
        <input
          type="search"
          placeholder={trans.__('Search providers')}
          aria-label={trans.__('Search providers')}
          value={query}
          onChange={event => setQuery(event.target.value)}
        />
      </label>
      <p className="jp-ChatIDE-lead">
        {trans.__(
          'A key stays on the Jupyter server: it is never shown again, and never given to a notebook, a chat or code that runs.'
        )}
      </p>
      {typeof readiness === 'object' && (
        <ErrorCard
          error={{ ...readiness, code: 'retry' }}
          onRetry={() => void chatide.refreshProviders()}
        />
      )}
      {readiness === 'loading' && (
        <p className="jp-ChatIDE-nothing">{trans.__('Looking for providers…')}</p>
      )}
      {groups.map(({ group, providers }) => (
        <Group key={group} group={group} providers={providers} searching={query.trim() !== ''} />
      ))}
      {readiness === 'ready' && shown.length === 0 && (
        <p className="jp-ChatIDE-nothing">{trans.__('No provider has this in its name.')}</p>
      )}
    </>
  );
}

/** The order as the page was opened: what a person is at work on does not jump away. */
function useSteadyOrder(providers: readonly ProviderStatus[]): readonly string[] {
  const order = useRef<string[]>([]);
  if (order.current.length === 0) {
    order.current = providerOrder(providers);
  }
  return order.current;
}

interface IGroupProps {
  group: ProviderGroup;
  providers: readonly ProviderStatus[];
  searching: boolean;
}

function Group({ group, providers, searching }: IGroupProps): JSX.Element | null {
  const { chatide, trans } = useServices();
  const asked = useChatIDE(state => state.provider);
  const [adding, setAdding] = useState(false);
  const { busy, run } = useAction();
  const titles: Record<ProviderGroup, string> = {
    local: trans.__('This computer'),
    cloud: trans.__('Cloud'),
    custom: trans.__('Your own'),
    demo: trans.__('Without a model')
  };
  if (providers.length === 0 && (searching || group !== 'custom')) {
    return null;
  }
  return (
    <section className="jp-ChatIDE-group" aria-label={titles[group]}>
      <div className="jp-ChatIDE-groupHead">
        <h3>{titles[group]}</h3>
        {group === 'local' && (
          <IconButton
            icon={rerunIcon}
            className={busy ? 'jp-mod-spinning' : ''}
            label={trans.__('Look again for what runs here')}
            disabled={busy !== ''}
            onClick={() => void run('look', () => chatide.refreshProviders())}
          />
        )}
        {group === 'custom' && !adding && (
          <button type="button" className="jp-ChatIDE-link" onClick={() => setAdding(true)}>
            <Icon icon={plusIcon} />
            {trans.__('Add a server')}
          </button>
        )}
      </div>
      {adding && (
        <div className="jp-ChatIDE-box">
          <CustomProviderForm onDone={() => setAdding(false)} />
        </div>
      )}
      {providers.length > 0 ? (
        <ul className="jp-ChatIDE-providers">
          {providers.map(provider => (
            <ProviderCard
              key={provider.id}
              provider={provider}
              startsOpen={provider.id === asked}
            />
          ))}
        </ul>
      ) : (
        !adding && (
          <p className="jp-ChatIDE-nothing">
            {trans.__(
              'Any server that speaks OpenAI’s format: vLLM, a LiteLLM proxy, a gateway at work…'
            )}
          </p>
        )
      )}
    </section>
  );
}
