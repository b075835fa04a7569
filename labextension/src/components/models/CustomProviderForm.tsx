import React, { useState } from 'react';
import type { ProviderStatus } from '../../model/events';
import { providerId } from '../../model/providerGroups';
import { ErrorCard } from '../ErrorCard';
import { useChatIDE, useServices } from '../services';
import { useAction } from '../useAction';
import { ADDRESS } from './KeyForm';

export interface ICustomProviderFormProps {
  /** The provider to change; a new one without it. */
  provider?: ProviderStatus;
  onDone: () => void;
}

/** An OpenAI-compatible server of one's own: what it is called, and where it answers. */
export function CustomProviderForm({ provider, onDone }: ICustomProviderFormProps): JSX.Element {
  const { chatide, trans } = useServices();
  const taken = useChatIDE(state => state.providers);
  const [label, setLabel] = useState(provider?.label ?? '');
  const [url, setUrl] = useState(provider?.base_url ?? '');
  const [model, setModel] = useState(provider?.default_model ?? '');
  const [needsKey, setNeedsKey] = useState(provider?.needs_key ?? false);
  const { busy, problem, run, dismiss } = useAction();

  const save = async (): Promise<void> => {
    const ids = taken.map(({ id }) => id);
    const id = provider?.id ?? providerId(label, ids);
    const done = await run('save', async () => {
      await chatide.api.putProvider(id, {
        label: label.trim(),
        base_url: url.trim(),
        needs_key: needsKey,
        default_model: model.trim()
      });
      await chatide.providerChanged(id);
    });
    if (done) {
      chatide.connect(id);
      onDone();
    }
  };

  return (
    <form
      className="jp-ChatIDE-form"
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
    >
      <label>
        <span>{trans.__('Name')}</span>
        <input
          autoFocus
          required
          maxLength={80}
          value={label}
          onChange={event => setLabel(event.target.value)}
        />
      </label>
      <label>
        <span>{trans.__('Address')}</span>
        <input
          required
          type="url"
          spellCheck={false}
          placeholder={ADDRESS}
          value={url}
          onChange={event => setUrl(event.target.value)}
        />
      </label>
      <label>
        <span>{trans.__('Model to begin with (optional)')}</span>
        <input spellCheck={false} value={model} onChange={event => setModel(event.target.value)} />
      </label>
      <label className="jp-mod-check">
        <input
          type="checkbox"
          checked={needsKey}
          onChange={event => setNeedsKey(event.target.checked)}
        />
        <span>{trans.__('It answers only with a key')}</span>
      </label>
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} onDismiss={dismiss} />}
      <div className="jp-ChatIDE-buttons">
        <button
          type="submit"
          className="jp-ChatIDE-button jp-mod-primary"
          disabled={busy !== '' || !label.trim() || !url.trim()}
        >
          {busy ? trans.__('Saving…') : provider ? trans.__('Save the changes') : trans.__('Add')}
        </button>
        <button type="button" className="jp-ChatIDE-button" onClick={onDone}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}
