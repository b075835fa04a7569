import React, { useState } from 'react';
import type { OptionStatus, ProviderStatus } from '../../model/events';
import { ErrorCard } from '../ErrorCard';
import { useServices } from '../services';
import { useAction } from '../useAction';

/** What can be set of a provider beside its key: a region, a project, a context size. */
export function OptionsForm({ provider }: { provider: ProviderStatus }): JSX.Element {
  const { chatide, trans } = useServices();
  const { id, options } = provider;
  const [edited, setEdited] = useState<Record<string, string>>({});
  const { busy, problem, run } = useAction();
  const values = Object.fromEntries(
    options
      .filter(({ name, value = '' }) => name in edited && edited[name].trim() !== value)
      .map(({ name }) => [name, edited[name].trim()])
  );
  const changed = Object.keys(values).length > 0;

  const save = async (): Promise<void> => {
    await chatide.api.setOptions(id, values);
    await chatide.providerChanged(id);
    setEdited({});
  };

  return (
    <form
      className="jp-ChatIDE-form"
      onSubmit={event => {
        event.preventDefault();
        void run('save', save);
      }}
    >
      {options.map(option => (
        <OptionField
          key={option.name}
          option={option}
          value={edited[option.name] ?? option.value ?? ''}
          onChange={value => setEdited({ ...edited, [option.name]: value })}
        />
      ))}
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} />}
      {changed && (
        <div className="jp-ChatIDE-buttons">
          <button type="submit" className="jp-ChatIDE-button jp-mod-primary" disabled={busy !== ''}>
            {busy ? trans.__('Saving…') : trans.__('Save the settings')}
          </button>
          <button type="button" className="jp-ChatIDE-button" onClick={() => setEdited({})}>
            {trans.__('Cancel')}
          </button>
        </div>
      )}
    </form>
  );
}

interface IOptionFieldProps {
  option: OptionStatus;
  value: string;
  onChange: (value: string) => void;
}

function OptionField({ option, value, onChange }: IOptionFieldProps): JSX.Element {
  const { trans } = useServices();
  const { label, help, kind, required, variable } = option;
  return (
    <label>
      <span>
        {label}
        {required && !value && <em className="jp-ChatIDE-needed">{trans.__('needed')}</em>}
      </span>
      <input
        inputMode={kind === 'integer' ? 'numeric' : 'text'}
        pattern={kind === 'integer' ? '[0-9]*' : undefined}
        title={kind === 'integer' ? trans.__('A whole number') : undefined}
        spellCheck={false}
        value={value}
        disabled={!!variable}
        placeholder={option.default}
        onChange={event => onChange(event.target.value)}
      />
      {variable ? (
        <small>{trans.__('From the environment variable %1.', variable)}</small>
      ) : (
        help && <small>{help}</small>
      )}
    </label>
  );
}
