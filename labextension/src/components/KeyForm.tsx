import React, { useState } from 'react';
import { explain } from '../api';
import { alertIcon, checkIcon } from '../icons';
import type { KeyCheck, ProviderStatus } from '../model/events';
import { Icon } from './IconButton';
import { useServices } from './services';

const ADDRESS = 'http://localhost:8000/v1'; // what one looks like

/** A provider's key and address. The key goes one way: it is gone from here once it is saved. */
export function KeyForm({ provider }: { provider: ProviderStatus }): JSX.Element {
  const { chatide, trans } = useServices();
  const [key, setKey] = useState('');
  const [url, setUrl] = useState(provider.base_url);
  const [busy, setBusy] = useState<'' | 'saving' | 'testing' | 'removing'>('');
  const [result, setResult] = useState<KeyCheck | null>(null);
  const fromEnvironment = provider.key.source === 'environment';
  const takesKey = !fromEnvironment && (provider.needs_key || provider.base_url_editable);
  const changedUrl = provider.base_url_editable && url.trim() !== provider.base_url;
  const changed = key.trim() !== '' || changedUrl;

  const attempt = async (what: typeof busy, act: () => Promise<KeyCheck | null>): Promise<void> => {
    setBusy(what);
    setResult(null);
    try {
      setResult(await act());
    } catch (error) {
      setResult({ ok: false, ...explain(error) });
    }
    chatide.catalog.forget(provider.id);
    await chatide.refreshProviders();
    setBusy('');
  };

  const save = async (): Promise<KeyCheck | null> => {
    await chatide.api.setKey(provider.id, {
      key: key.trim() || null,
      base_url: changedUrl ? url.trim() : null
    });
    setKey('');
    const cleared = changedUrl && !url.trim();
    return cleared ? null : chatide.api.checkKey(provider.id);
  };

  const remove = async (): Promise<null> => {
    await chatide.api.deleteKey(provider.id);
    return null;
  };

  return (
    <form
      className="jp-ChatIDE-keyForm"
      autoComplete="off"
      onSubmit={event => {
        event.preventDefault();
        void attempt('saving', save);
      }}
    >
      {takesKey && (
        <label>
          <span>{provider.needs_key ? trans.__('Key') : trans.__('Key (if it asks for one)')}</span>
          <input
            type="password"
            autoComplete="new-password"
            spellCheck={false}
            value={key}
            placeholder={provider.key.set ? trans.__('Paste a new key to replace it') : ''}
            onChange={event => setKey(event.target.value)}
          />
        </label>
      )}
      {provider.base_url_editable && (
        <label>
          <span>{trans.__('Address')}</span>
          <input
            type="url"
            spellCheck={false}
            value={url}
            placeholder={ADDRESS}
            onChange={event => setUrl(event.target.value)}
          />
        </label>
      )}
      <div className="jp-ChatIDE-buttons">
        <button
          type="submit"
          className="jp-ChatIDE-button jp-mod-primary"
          disabled={!changed || busy !== ''}
        >
          {busy === 'saving' ? trans.__('Saving…') : trans.__('Save')}
        </button>
        <button
          type="button"
          className="jp-ChatIDE-button"
          disabled={busy !== '' || changed || (provider.needs_key && !provider.key.set)}
          onClick={() => void attempt('testing', () => chatide.api.checkKey(provider.id))}
        >
          {busy === 'testing' ? trans.__('Testing…') : trans.__('Test')}
        </button>
        {provider.key.source === 'file' && (
          <button
            type="button"
            className="jp-ChatIDE-button"
            disabled={busy !== ''}
            onClick={() => void attempt('removing', remove)}
          >
            {trans.__('Remove')}
          </button>
        )}
      </div>
      {result && (
        <p
          className={`jp-ChatIDE-result ${result.ok ? 'jp-mod-good' : 'jp-mod-bad'}`}
          role={result.ok ? 'status' : 'alert'}
        >
          <Icon icon={result.ok ? checkIcon : alertIcon} />
          <span>
            {result.message} {result.hint}
          </span>
        </p>
      )}
    </form>
  );
}
