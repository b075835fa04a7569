import React, { useEffect, useId, useRef, useState } from 'react';
import { alertIcon, chevronDownIcon, linkIcon } from '../../icons';
import type { ProviderStatus } from '../../model/events';
import { Icon } from '../IconButton';
import { ProviderIcon } from '../ProviderIcon';
import { useServices, useStore } from '../services';
import { KeySettings } from './KeySettings';
import { OptionsForm } from './OptionsForm';
import { OwnProvider } from './OwnProvider';

export interface IProviderCardProps {
  provider: ProviderStatus;
  startsOpen: boolean;
}

/** One provider: whether it can answer, and, opened, how it is connected. */
export function ProviderCard({ provider, startsOpen }: IProviderCardProps): JSX.Element {
  const [open, setOpen] = useState(startsOpen);
  const root = useRef<HTMLLIElement>(null);
  const id = useId();

  useEffect(() => {
    if (startsOpen) {
      setOpen(true);
      root.current?.scrollIntoView?.({ block: 'nearest' });
    }
  }, [startsOpen]);

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
          <Body provider={provider} />
        </div>
      )}
    </li>
  );
}

function Status({ provider }: { provider: ProviderStatus }): JSX.Element {
  const { chatide, trans } = useServices();
  const check = useStore(chatide.checks.store)[provider.id];
  let [text, tone] = [trans.__('Not connected'), ''];
  if (provider.blocked) {
    text = trans.__('Blocked');
  } else if (check && !check.ok) {
    [text, tone] = [trans.__('Test failed'), ' jp-mod-bad'];
  } else if (provider.ready) {
    [text, tone] = [trans.__('Ready'), ' jp-mod-good'];
  } else if (provider.refusal) {
    [text, tone] = [
      provider.key.set ? trans.__('Key refused') : trans.__('Needs a key'),
      ' jp-mod-bad'
    ];
  } else if (provider.running === false && !wantsKey(provider) && !provider.key.set) {
    text = trans.__('Not running');
  } else if (isOurs(provider)) {
    text = trans.__('No model yet');
  } else if (provider.key.set || provider.running) {
    text = trans.__('Not ready');
  }
  return <span className={`jp-ChatIDE-badge${tone}`}>{text}</span>;
}

function Body({ provider }: { provider: ProviderStatus }): JSX.Element {
  const { chatide, trans } = useServices();
  const { blocked, key, key_url: keyUrl } = provider;
  if (blocked) {
    return (
      <p className="jp-ChatIDE-result jp-mod-bad">
        <Icon icon={alertIcon} />
        <span>{blocked}</span>
      </p>
    );
  }
  return (
    <>
      <Explanation provider={provider} />
      <KeySettings provider={provider} />
      {provider.options.length > 0 && <OptionsForm provider={provider} />}
      <div className="jp-ChatIDE-buttons">
        <Use provider={provider} />
        {isOurs(provider) && (
          <button
            type="button"
            className="jp-ChatIDE-button"
            onClick={() => chatide.connect('', 'local')}
          >
            {trans.__('Model files…')}
          </button>
        )}
        {keyUrl && !key.set && (
          <a className="jp-ChatIDE-link" href={keyUrl} target="_blank" rel="noopener noreferrer">
            {trans.__('Get a key')}
            <Icon icon={linkIcon} />
          </a>
        )}
      </div>
      {provider.removable && <OwnProvider provider={provider} />}
    </>
  );
}

function wantsKey({ needs_key: needsKey, key }: ProviderStatus): boolean {
  return needsKey && !key.set;
}

/** Whether it is the one that we run ourselves, with model files. */
function isOurs({ id }: ProviderStatus): boolean {
  return id === 'local';
}

function Use({ provider }: { provider: ProviderStatus }): JSX.Element | null {
  const { chatide, trans } = useServices();
  const { id, default_model: model, ready } = provider;
  const use = (): void => {
    chatide.backToChat();
    if (model) {
      chatide.setModel(`${id}/${model}`);
      chatide.focus();
    } else {
      chatide.askForModel();
    }
  };
  return ready ? (
    <button type="button" className="jp-ChatIDE-button" onClick={use}>
      {model ? trans.__('Use %1', model) : trans.__('Pick a model')}
    </button>
  ) : null;
}

function Explanation({ provider }: { provider: ProviderStatus }): JSX.Element | null {
  const { trans } = useServices();
  const { id, key, key_variable: variable, running, refusal, base_url: url } = provider;
  let text = '';
  if (id === 'demo') {
    text = trans.__(
      'Recorded replies to the example prompts. Their code really runs. No key, no network.'
    );
  } else if (isOurs(provider)) {
    text = trans.__(
      'Model files that ChatIDE serves itself. No key, and nothing leaves the machine.'
    );
  } else if (refusal) {
    text = key.set
      ? trans.__('Answers at %1, and refuses the key.', url)
      : trans.__('Answers at %1, and wants a key.', url);
  } else if (running === true) {
    text = trans.__('Answers at %1.', url);
  } else if (wantsKey(provider)) {
    text = variable ? trans.__('Paste a key, or set %1 before Jupyter starts.', variable) : '';
  } else if (running === false && key.set) {
    text = trans.__('Lists no models at %1. Check that it runs, its address and its key.', url);
  } else if (running === false) {
    text = trans.__('Nothing answers at %1. Start it, or change the address.', url);
  }
  return text ? <p>{text}</p> : null;
}
