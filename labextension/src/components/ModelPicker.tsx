import React, { useEffect, useId, useMemo, useRef, useState } from 'react';
import { checkIcon, searchIcon } from '../icons';
import { modelName } from '../model/models';
import { choiceGroups } from '../model/choices';
import type { IChoiceGroup } from '../model/choices';
import type { ProviderStatus } from '../model/events';
import { Icon } from './IconButton';
import { ModelFacts } from './ModelFacts';
import { ProviderIcon } from './ProviderIcon';
import { useChatIDE, useServices, useStore } from './services';

export interface IModelPickerProps {
  /** The model that is picked now; marked in the list. */
  current?: string;
  onPick: (model: string) => void;
  /** What stands below the list. */
  children?: React.ReactNode;
}

/** All models of all providers: type to search, arrows and Enter to pick. */
export function ModelPicker({ current = '', onPick, children }: IModelPickerProps): JSX.Element {
  const { chatide, trans } = useServices();
  const providers = useChatIDE(state => state.providers);
  const listings = useStore(chatide.catalog.store);
  const [query, setQuery] = useState('');
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    void chatide.refreshProviders();
  }, [chatide]);

  const ready = providers
    .filter(provider => provider.ready)
    .map(provider => provider.id)
    .join();
  useEffect(() => {
    for (const provider of ready.split(',').filter(Boolean)) {
      void chatide.catalog.load(provider);
    }
  }, [chatide, ready]);

  const groups = useMemo(() => {
    return choiceGroups(query, providers, provider => listings[provider]?.models ?? []);
  }, [query, providers, listings]);
  const offered = groups.filter(({ provider }) => provider.ready);
  const unconnected = groups.map(({ provider }) => provider).filter(provider => !provider.ready);
  const pickable = offered.flatMap(({ choices }) => choices);
  const marked = pickable[Math.min(active, pickable.length - 1)]?.model;

  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView?.({ block: 'nearest' });
  }, [marked]);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setActive(Math.max(0, Math.min(pickable.length - 1, active + step)));
    } else if (event.key === 'Enter' && marked) {
      event.preventDefault();
      onPick(marked);
    }
  };

  return (
    <>
      <label className="jp-ChatIDE-search">
        <Icon icon={searchIcon} />
        <input
          data-autofocus
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={marked && `${id}-${marked}`}
          aria-label={trans.__('Search models, or type one')}
          placeholder={trans.__('Search models, or type one')}
          value={query}
          onChange={event => {
            setQuery(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
      </label>
      <div ref={list} className="jp-ChatIDE-models">
        <div id={id} role="listbox" aria-label={trans.__('Models')}>
          {offered.map(group => (
            <ProviderGroup
              key={group.provider.id}
              {...{ group, id, marked, current }}
              onPick={onPick}
            />
          ))}
        </div>
        {unconnected.map(provider => (
          <div key={provider.id} className="jp-ChatIDE-modelProvider">
            <ProviderIcon of={provider.id} />
            <span>{provider.label}</span>
            <button
              type="button"
              title={provider.blocked || undefined}
              onClick={() => chatide.connect(provider.id)}
            >
              <Unready provider={provider} />
            </button>
          </div>
        ))}
        {groups.length === 0 && (
          <p className="jp-ChatIDE-nothing">
            {trans.__('No connected provider has such a model.')}
          </p>
        )}
      </div>
      {children}
    </>
  );
}

interface IProviderGroupProps {
  group: IChoiceGroup;
  id: string;
  marked?: string;
  current: string;
  onPick: (model: string) => void;
}

function ProviderGroup({ group, id, marked, current, onPick }: IProviderGroupProps): JSX.Element {
  const { chatide, trans } = useServices();
  const { provider, choices, more } = group;
  const { loading, problem } = useStore(chatide.catalog.store)[provider.id] ?? {};
  return (
    <div role="group" aria-label={provider.label} className="jp-ChatIDE-modelGroup">
      <div className="jp-ChatIDE-modelProvider">
        <ProviderIcon of={provider.id} />
        <span>{provider.label}</span>
      </div>
      {choices.map(choice => (
        <div
          key={choice.model}
          id={`${id}-${choice.model}`}
          role="option"
          aria-selected={choice.model === marked}
          className="jp-ChatIDE-model"
          title={choice.model}
          onClick={() => onPick(choice.model)}
        >
          <span className="jp-ChatIDE-modelName">
            {choice.typed ? trans.__('Use “%1”', modelName(choice.model)) : modelName(choice.model)}
          </span>
          {choice.model === current && <Icon icon={checkIcon} />}
          <ModelFacts choice={choice} provider={provider} />
        </div>
      ))}
      {loading && <p className="jp-ChatIDE-nothing">{trans.__('Asking for its models…')}</p>}
      {problem && <p className="jp-ChatIDE-nothing">{problem.message}</p>}
      {more > 0 && (
        <p className="jp-ChatIDE-nothing">
          {trans._n('%1 more: type to search', '%1 more: type to search', more, more)}
        </p>
      )}
    </div>
  );
}

function Unready({ provider }: { provider: ProviderStatus }): JSX.Element {
  const { trans } = useServices();
  let text = trans.__('Connect');
  if (provider.blocked) {
    text = trans.__('Blocked');
  } else if (provider.refusal) {
    text = provider.key.set ? trans.__('Key refused') : trans.__('Needs a key');
  } else if (provider.running === false) {
    text = trans.__('Not running');
  } else if (provider.key.set || provider.running) {
    text = trans.__('Not ready');
  }
  return <>{text}</>;
}
