import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';
import { alertIcon } from '../../icons';
import type { LocalModel, Serving } from '../../model/events';
import { fileSize, tokens } from '../../model/wording';
import { ErrorCard } from '../ErrorCard';
import { Icon } from '../IconButton';
import { useServices } from '../services';
import { useAction } from '../useAction';

export interface ILocalModelCardProps {
  model: LocalModel;
  /** What serves models, while it serves this one or loads it. */
  serving: Serving | null;
  /** Whether this machine can serve models at all. */
  available: boolean;
}

/** A model file: what it is, how far its download is, and what can be done with it. */
export function LocalModelCard({ model, serving, available }: ILocalModelCardProps): JSX.Element {
  const { trans } = useServices();
  const facts = [
    model.size ? fileSize(model.size) : '',
    model.context_window ? trans.__('%1 context', tokens(model.context_window)) : '',
    serving?.context ? trans.__('%1 of it fit into memory', tokens(serving.context)) : '',
    model.license
  ].filter(Boolean);
  const moving = model.state === 'downloading' || model.state === 'verifying';
  return (
    <li className="jp-ChatIDE-provider jp-ChatIDE-localModel">
      <div className="jp-ChatIDE-localHead">
        <strong title={model.source}>{model.label}</strong>
        <span className={`jp-ChatIDE-badge${model.state === 'ready' ? ' jp-mod-good' : ''}`}>
          {stateOf(model, serving, trans)}
        </span>
      </div>
      <p className="jp-ChatIDE-facts">{facts.join(' · ')}</p>
      {(moving || model.state === 'partial') && <Progress model={model} />}
      {model.state === 'failed' ? (
        <p className="jp-ChatIDE-result jp-mod-bad" role="alert">
          <Icon icon={alertIcon} />
          <span>{model.message || trans.__('It did not work.')}</span>
        </p>
      ) : (
        model.message && <p>{model.message}</p>
      )}
      <Buttons model={model} available={available} />
    </li>
  );
}

function stateOf(model: LocalModel, serving: Serving | null, trans: TranslationBundle): string {
  const loaded = {
    idle: undefined,
    loading: trans.__('Loading…'),
    serving: trans.__('In memory')
  }[serving?.state ?? 'idle'];
  const words = {
    absent: '',
    downloading: trans.__('Downloading'),
    partial: trans.__('Paused'),
    verifying: trans.__('Checking'),
    ready: loaded ?? trans.__('Ready'),
    failed: trans.__('Failed')
  };
  return words[model.state];
}

function Progress({ model }: { model: LocalModel }): JSX.Element {
  const { trans } = useServices();
  const { done, size, label } = model;
  const share = size ? Math.min(100, Math.floor((100 * done) / size)) : 0;
  return (
    <div className="jp-ChatIDE-progress">
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share}
        aria-valuetext={trans.__('%1 of %2', fileSize(done), fileSize(size))}
      >
        <div style={{ width: `${share}%` }} />
      </div>
      <span>{trans.__('%1 of %2', fileSize(done), fileSize(size))}</span>
    </div>
  );
}

function Buttons({ model, available }: { model: LocalModel; available: boolean }): JSX.Element {
  const { chatide, trans } = useServices();
  const { api, gateway } = chatide;
  const { id, state } = model;
  const [asking, setAsking] = useState(false);
  const { busy, problem, run, dismiss } = useAction();
  const act = (what: string, action: () => Promise<unknown>): void => {
    void run(what, async () => {
      await action();
      await gateway.local.load();
    });
  };
  const disabled = busy !== '';
  const fetchLabel = {
    absent: trans.__('Download'),
    partial: trans.__('Resume'),
    failed: model.own ? '' : trans.__('Try again')
  }[state as string];

  if (asking) {
    return (
      <div role="alertdialog" aria-label={model.label} className="jp-ChatIDE-confirm">
        <p>
          {model.own
            ? trans.__('Forget “%1”? The file stays where it is.', model.label)
            : trans.__('Remove “%1” from this machine?', model.label)}
        </p>
        <div className="jp-ChatIDE-buttons">
          <button type="button" className="jp-ChatIDE-button" onClick={() => setAsking(false)}>
            {trans.__('Cancel')}
          </button>
          <button
            type="button"
            autoFocus
            className="jp-ChatIDE-button jp-mod-danger"
            disabled={disabled}
            onClick={() => {
              setAsking(false);
              act('remove', () => api.removeLocalModel(id));
            }}
          >
            {trans.__('Remove')}
          </button>
        </div>
      </div>
    );
  }
  return (
    <>
      <div className="jp-ChatIDE-buttons">
        {state === 'ready' && available && (
          <button
            type="button"
            className="jp-ChatIDE-button jp-mod-primary"
            onClick={() => {
              chatide.setModel(`local/${id}`);
              chatide.backToChat();
              chatide.focus();
            }}
          >
            {trans.__('Use it')}
          </button>
        )}
        {fetchLabel && available && (
          <button
            type="button"
            className="jp-ChatIDE-button"
            disabled={disabled}
            onClick={() => act('fetch', () => api.downloadLocalModel(id))}
          >
            {fetchLabel}
          </button>
        )}
        {(state === 'downloading' || state === 'verifying') && (
          <button
            type="button"
            className="jp-ChatIDE-button"
            disabled={disabled}
            onClick={() => act('cancel', () => api.cancelLocalModel(id))}
          >
            {trans.__('Cancel')}
          </button>
        )}
        {model.removable && state !== 'downloading' && state !== 'verifying' && (
          <button
            type="button"
            className="jp-ChatIDE-link"
            disabled={disabled}
            onClick={() => setAsking(true)}
          >
            {model.own ? trans.__('Forget…') : trans.__('Remove…')}
          </button>
        )}
      </div>
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} onDismiss={dismiss} />}
    </>
  );
}
