import React, { useState } from 'react';
import { alertIcon, checkIcon, keyIcon } from '../../icons';
import type { KeyStatus, ProviderStatus } from '../../model/events';
import { ErrorCard } from '../ErrorCard';
import { Icon } from '../IconButton';
import { useServices, useStore } from '../services';
import { useAction } from '../useAction';
import { KeyForm } from './KeyForm';

const KEPT = ['keyring', 'file', 'memory']; // by us, so that we can remove it

/** A provider's key: whether there is one, from where, and what can be done with it. */
export function KeySettings({ provider }: { provider: ProviderStatus }): JSX.Element | null {
  const { chatide, trans } = useServices();
  const { id, key } = provider;
  const [replacing, setReplacing] = useState(false);
  const { busy, problem, run } = useAction();
  const check = useStore(chatide.checks.store)[id];
  const editable = provider.base_url_editable;
  // Some do with a key or without: their cloud's own credentials will do.
  const takesKey =
    provider.needs_key || editable || provider.group === 'custom' || provider.key_variable !== '';
  if (!takesKey && !key.set && provider.running === null) {
    return null;
  }
  const test = async (): Promise<void> => {
    chatide.checks.note(id, await chatide.api.checkKey(id));
  };
  const remove = async (): Promise<void> => {
    await chatide.api.deleteKey(id);
    await chatide.providerChanged(id);
  };
  const formShown = replacing || (takesKey && !key.set) || editable;
  const testable = key.set || !provider.needs_key;

  return (
    <>
      {key.set && <KeyLine status={key} variable={provider.key_variable} />}
      {formShown && (
        <KeyForm
          key={String(replacing)}
          provider={provider}
          withKey={takesKey && (!key.set || replacing)}
          onDone={() => setReplacing(false)}
          onCancel={replacing ? () => setReplacing(false) : undefined}
        />
      )}
      {testable && !replacing && (
        <div className="jp-ChatIDE-buttons">
          <button
            type="button"
            className="jp-ChatIDE-button"
            disabled={busy !== ''}
            onClick={() => void run('test', test)}
          >
            {busy === 'test' ? trans.__('Testing…') : trans.__('Test')}
          </button>
          {KEPT.includes(key.source) && (
            <>
              <button
                type="button"
                className="jp-ChatIDE-button"
                disabled={busy !== ''}
                onClick={() => setReplacing(true)}
              >
                {trans.__('Replace')}
              </button>
              <button
                type="button"
                className="jp-ChatIDE-button"
                disabled={busy !== ''}
                onClick={() => void run('remove', remove)}
              >
                {busy === 'remove' ? trans.__('Removing…') : trans.__('Remove')}
              </button>
            </>
          )}
        </div>
      )}
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} />}
      {check && busy === '' && (
        <p
          className={`jp-ChatIDE-result ${check.ok ? 'jp-mod-good' : 'jp-mod-bad'}`}
          role={check.ok ? 'status' : 'alert'}
        >
          <Icon icon={check.ok ? checkIcon : alertIcon} />
          <span>
            {check.message} {check.hint}
          </span>
        </p>
      )}
    </>
  );
}

function KeyLine({ status, variable }: { status: KeyStatus; variable: string }): JSX.Element {
  const { trans } = useServices();
  const { source, hint } = status;
  const where = {
    environment: trans.__('from the environment variable %1', hint || variable),
    trait: trans.__('by the administrator'),
    keyring: trans.__('in the system’s keyring'),
    file: trans.__('in a file that only you can read'),
    memory: trans.__('in memory only: gone when Jupyter stops'),
    '': ''
  }[source];
  // Of a short key nothing is told.
  const tail = source === 'environment' || source === 'trait' || hint === '…' ? '' : hint;
  return (
    <p className="jp-ChatIDE-keyLine">
      <Icon icon={keyIcon} />
      <span>
        <strong>{trans.__('Key set')}</strong> {where}
        {tail && <code>{tail}</code>}
      </span>
    </p>
  );
}
