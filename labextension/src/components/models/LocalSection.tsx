import React, { useEffect, useState } from 'react';
import { isMoving } from '../../model/gateway';
import { CopyField } from '../CopyField';
import { ErrorCard } from '../ErrorCard';
import { useServices, useStore } from '../services';
import { useAction } from '../useAction';
import { LocalModelCard } from './LocalModelCard';
import { Unread } from './Unread';

const INSTALL = 'pip install "jupyter-chatide[local]"';
const EXAMPLE = '/models/my-model.gguf';
const LOOK_EVERY = 1000; // ms, while a download goes on

/** Model files that this machine serves itself: recommended ones, and one's own. */
export function LocalSection(): JSX.Element {
  const { chatide, trans } = useServices();
  const { local } = chatide.gateway;
  const remote = useStore(local.store);
  const { value } = remote;
  const ready = value?.models.filter(({ state }) => state === 'ready').length;

  useEffect(() => {
    void local.load();
  }, [local]);

  useEffect(() => {
    if (value && isMoving(value)) {
      const timer = window.setTimeout(() => void local.load(), LOOK_EVERY);
      return () => window.clearTimeout(timer);
    }
    return undefined;
  }, [local, value]);

  // A model that came or went is one more or less to pick.
  useEffect(() => {
    if (ready !== undefined) {
      chatide.catalog.forget('local');
      void chatide.refreshProviders();
    }
  }, [chatide, ready]);

  return (
    <section className="jp-ChatIDE-group">
      <h3>{trans.__('Models on this computer')}</h3>
      <p className="jp-ChatIDE-lead">
        {trans.__(
          'A model file runs in a process of its own on the Jupyter server’s machine, and leaves memory when nobody uses it. No key, and nothing leaves the machine.'
        )}
      </p>
      <Unread remote={remote} onRetry={() => void local.load()} />
      {value && !value.available && <Missing reason={value.reason} />}
      {value && (
        <>
          <ul className="jp-ChatIDE-providers">
            {value.models.map(model => (
              <LocalModelCard
                key={model.id}
                model={model}
                serving={model.id === value.serving.model ? value.serving : null}
                available={value.available}
              />
            ))}
          </ul>
          {value.available && <AddFile />}
        </>
      )}
    </section>
  );
}

function Missing({ reason }: { reason: string }): JSX.Element {
  const { trans } = useServices();
  return (
    <div className="jp-ChatIDE-card jp-mod-info" role="note">
      <div className="jp-ChatIDE-cardBody">
        <p>{reason || trans.__('What serves model files is not installed.')}</p>
        <CopyField label={trans.__('the command')} text={INSTALL} lines />
      </div>
    </div>
  );
}

function AddFile(): JSX.Element {
  const { chatide, trans } = useServices();
  const [path, setPath] = useState('');
  const { busy, problem, run, dismiss } = useAction();
  const add = async (): Promise<void> => {
    await chatide.api.addLocalModel(path.trim());
    setPath('');
    await chatide.gateway.local.load();
  };
  return (
    <form
      className="jp-ChatIDE-form jp-ChatIDE-box"
      onSubmit={event => {
        event.preventDefault();
        void run('add', add);
      }}
    >
      <label>
        <span>{trans.__('Add a GGUF file of your own')}</span>
        <input
          spellCheck={false}
          placeholder={EXAMPLE}
          value={path}
          onChange={event => setPath(event.target.value)}
        />
        <small>{trans.__('Its path on the Jupyter server’s machine. It stays where it is.')}</small>
      </label>
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} onDismiss={dismiss} />}
      <div className="jp-ChatIDE-buttons">
        <button type="submit" className="jp-ChatIDE-button" disabled={busy !== '' || !path.trim()}>
          {busy ? trans.__('Reading…') : trans.__('Add')}
        </button>
      </div>
    </form>
  );
}
