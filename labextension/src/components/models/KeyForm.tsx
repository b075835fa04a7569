import React, { useEffect, useState } from 'react';
import type { KeyPlace, ProviderStatus } from '../../model/events';
import { ErrorCard } from '../ErrorCard';
import { useChatIDE, useServices } from '../services';
import { useAction } from '../useAction';

/** What an address looks like. */
export const ADDRESS = 'http://localhost:8000/v1';
const CLOUD_ADDRESS = 'https://…';

export interface IKeyFormProps {
  provider: ProviderStatus;
  /** Whether it asks for a key, and not for an address alone. */
  withKey: boolean;
  onDone: () => void;
  onCancel?: () => void;
}

/** A provider's key and address. The key goes one way: it is gone from here once it is saved. */
export function KeyForm({ provider, withKey, onDone, onCancel }: IKeyFormProps): JSX.Element {
  const { chatide, trans } = useServices();
  const { id, base_url: address, base_url_editable: editable } = provider;
  const places = useChatIDE(state => state.keyPlaces);
  const [key, setKey] = useState('');
  const [url, setUrl] = useState(address);
  // A key that is replaced stays where it was, unless the person wants it elsewhere.
  const [place, setPlace] = useState<KeyPlace | ''>(
    places.find(place => place === provider.key.source) ?? ''
  );
  const { busy, problem, run } = useAction();
  const changedUrl = editable && url.trim() !== address;
  const changed = key.trim() !== '' || changedUrl;

  useEffect(() => setUrl(address), [address]);

  const save = async (): Promise<void> => {
    await chatide.api.setKey(id, {
      key: key.trim() || null,
      base_url: changedUrl ? url.trim() : null,
      place: key.trim() ? place || null : null
    });
    setKey('');
    await chatide.providerChanged(id);
    if (!changedUrl || url.trim()) {
      chatide.checks.note(id, await chatide.api.checkKey(id));
      await chatide.refreshProviders();
    }
  };

  return (
    <form
      className="jp-ChatIDE-form"
      autoComplete="off"
      onSubmit={event => {
        event.preventDefault();
        void run('save', save).then(done => done && onDone());
      }}
    >
      {editable && (
        <label>
          <span>{trans.__('Address')}</span>
          <input
            type="url"
            spellCheck={false}
            value={url}
            placeholder={provider.group === 'cloud' ? CLOUD_ADDRESS : ADDRESS}
            onChange={event => setUrl(event.target.value)}
          />
        </label>
      )}
      {withKey && <KeyField {...{ provider, value: key, focus: !!onCancel }} onChange={setKey} />}
      {withKey && places.length > 0 && (
        <PlaceField {...{ places, value: place || places[0] }} onChange={setPlace} />
      )}
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} />}
      {(withKey || changed) && (
        <div className="jp-ChatIDE-buttons">
          <button
            type="submit"
            className="jp-ChatIDE-button jp-mod-primary"
            disabled={!changed || busy !== ''}
          >
            {busy ? trans.__('Saving…') : trans.__('Save')}
          </button>
          {onCancel && (
            <button type="button" className="jp-ChatIDE-button" onClick={onCancel}>
              {trans.__('Cancel')}
            </button>
          )}
        </div>
      )}
    </form>
  );
}

interface IKeyFieldProps {
  provider: ProviderStatus;
  value: string;
  focus: boolean;
  onChange: (value: string) => void;
}

function KeyField({ provider, value, focus, onChange }: IKeyFieldProps): JSX.Element {
  const { trans } = useServices();
  const document = provider.key_format === 'json';
  let label = provider.needs_key ? trans.__('Key') : trans.__('Key (if it asks for one)');
  if (!provider.needs_key && provider.group === 'cloud') {
    label = trans.__('Key (optional)');
  }
  if (document) {
    label = trans.__('Key (optional): the credentials file’s content, JSON');
  }
  const field = {
    autoFocus: focus,
    autoComplete: 'new-password',
    spellCheck: false,
    value,
    placeholder: provider.key.set ? trans.__('Paste a new key to replace it') : ''
  };
  return (
    <label>
      <span>{label}</span>
      {document ? (
        <textarea {...field} rows={4} onChange={event => onChange(event.target.value)} />
      ) : (
        <input {...field} type="password" onChange={event => onChange(event.target.value)} />
      )}
    </label>
  );
}

interface IPlaceFieldProps {
  places: readonly KeyPlace[];
  value: KeyPlace;
  onChange: (place: KeyPlace) => void;
}

function PlaceField({ places, value, onChange }: IPlaceFieldProps): JSX.Element {
  const { trans } = useServices();
  const labels: Record<KeyPlace, string> = {
    keyring: trans.__('The system’s keyring'),
    file: trans.__('A file that only you can read'),
    memory: trans.__('Memory only: gone when Jupyter stops')
  };
  return (
    <label>
      <span>{trans.__('Where to keep it')}</span>
      {places.length === 1 ? (
        <span className="jp-ChatIDE-fixed">{labels[places[0]]}</span>
      ) : (
        <select value={value} onChange={event => onChange(event.target.value as KeyPlace)}>
          {places.map(place => (
            <option key={place} value={place}>
              {labels[place]}
            </option>
          ))}
        </select>
      )}
    </label>
  );
}
