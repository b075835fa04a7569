import React, { useEffect, useId, useRef, useState } from 'react';
import { chevronDownIcon, linkIcon } from '../icons';
import type { ProviderStatus } from '../model/events';
import { Icon } from './IconButton';
import { KeyForm } from './KeyForm';
import { ProviderIcon } from './ProviderIcon';
import { useServices } from './services';

export interface IProviderCardProps {
  provider: ProviderStatus;
  startsOpen: boolean;
}

/** One provider: whether it can answer, and, opened, how it is connected. */
export function ProviderCard({ provider, startsOpen }: IProviderCardProps): JSX.Element {
  const { chatide, trans } = useServices();
  const [open, setOpen] = useState(startsOpen);
  const root = useRef<HTMLLIElement>(null);
  const id = useId();

  useEffect(() => {
    if (startsOpen) {
      setOpen(true);
      root.current?.scrollIntoView?.({ block: 'nearest' });
    }
  }, [startsOpen]);

  const use = (): void => {
    chatide.backToChat();
    if (provider.default_model) {
      chatide.setModel(`${provider.id}/${provider.default_model}`);
      chatide.focus();
    } else {
      chatide.askForModel();
    }
  };

  return (
    <li ref={root} className={`jp-ChatIDE-provider${open ? ' jp-mod-open' : ''}`}>
      <button
        type="button"
        className="jp-ChatIDE-providerHead"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <ProviderIcon of={provider.id} />
        <span className="jp-ChatIDE-providerName">{provider.label}</span>
        <Status provider={provider} />
        <Icon icon={chevronDownIcon} />
      </button>
      {open && (
        <div id={id} className="jp-ChatIDE-providerBody">
          <Explanation provider={provider} />
          {(provider.needs_key || provider.base_url_editable) && <KeyForm provider={provider} />}
          <div className="jp-ChatIDE-buttons">
            {provider.ready && (
              <button type="button" className="jp-ChatIDE-button" onClick={use}>
                {provider.default_model
                  ? trans.__('Use %1', provider.default_model)
                  : trans.__('Pick a model')}
              </button>
            )}
            {provider.key_url && !provider.key.set && (
              <a
                className="jp-ChatIDE-link"
                href={provider.key_url}
                target="_blank"
                rel="noopener noreferrer"
              >
                {trans.__('Get a key')}
                <Icon icon={linkIcon} />
              </a>
            )}
          </div>
        </div>
      )}
    </li>
  );
}

function Status({ provider }: { provider: ProviderStatus }): JSX.Element {
  const { trans } = useServices();
  let text = trans.__('Not connected');
  if (provider.ready) {
    text = trans.__('Ready');
  } else if (provider.local) {
    text = trans.__('Not running');
  } else if (provider.key.set) {
    text = trans.__('Not ready');
  }
  return <span className={`jp-ChatIDE-badge${provider.ready ? ' jp-mod-good' : ''}`}>{text}</span>;
}

function Explanation({ provider }: { provider: ProviderStatus }): JSX.Element | null {
  const { trans } = useServices();
  const { key, key_variable: variable, local, ready, base_url: url } = provider;
  if (provider.id === 'demo') {
    return (
      <p>
        {trans.__(
          'Recorded replies to the example prompts. Their code really runs. No key, no network.'
        )}
      </p>
    );
  }
  if (key.source === 'environment') {
    return (
      <p>{trans.__('The key comes from the environment variable %1.', key.hint || variable)}</p>
    );
  }
  if (key.set) {
    return <p>{trans.__('A key is kept on this server: %1', key.hint)}</p>;
  }
  if (local) {
    return (
      <p>
        {ready
          ? trans.__('Answers at %1. No key is needed.', url)
          : trans.__('Nothing answers at %1. Start it, or change the address.', url)}
      </p>
    );
  }
  return variable ? (
    <p>{trans.__('Paste a key, or set %1 before Jupyter starts.', variable)}</p>
  ) : null;
}
