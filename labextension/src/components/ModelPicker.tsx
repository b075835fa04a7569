import React, { useEffect, useId, useMemo, useRef, useState } from 'react';
import { checkIcon, keyIcon, searchIcon } from '../icons';
import { chosenModel, modelName } from '../model/chatide';
import { choiceGroups } from '../model/choices';
import type { IChoiceGroup } from '../model/choices';
import { Icon } from './IconButton';
import { ProviderIcon } from './ProviderIcon';
import { useChatIDE, useServices, useStore } from './services';

/** All models of all providers: type to search, arrows and Enter to pick. */
export function ModelPicker({ onDone }: { onDone: () => void }): JSX.Element {
  const { chatide, trans } = useServices();
  const providers = useChatIDE(state => state.providers);
  const current = useChatIDE(chosenModel);
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

  const pick = (model: string): void => {
    chatide.setModel(model);
    onDone();
  };

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setActive(Math.max(0, Math.min(pickable.length - 1, active + step)));
    } else if (event.key === 'Enter' && marked) {
      event.preventDefault();
      pick(marked);
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
              onPick={pick}
            />
          ))}
        </div>
        {unconnected.map(provider => (
          <div key={provider.id} className="jp-ChatIDE-modelProvider">
            <ProviderIcon of={provider.id} />
            <span>{provider.label}</span>
            <button type="button" onClick={() => chatide.connect(provider.id)}>
              {provider.local ? trans.__('Not running') : trans.__('Connect')}
            </button>
          </div>
        ))}
        {groups.length === 0 && (
          <p className="jp-ChatIDE-nothing">
            {trans.__('No connected provider has such a model.')}
          </p>
        )}
      </div>
      <button
        type="button"
        className="jp-ChatIDE-footerButton"
        onClick={() => {
          onDone();
          chatide.connect();
        }}
      >
        <Icon icon={keyIcon} />
        {trans.__('Models and keys…')}
      </button>
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
      {choices.map(({ model, label, typed }) => (
        <div
          key={model}
          id={`${id}-${model}`}
          role="option"
          aria-selected={model === marked}
          className="jp-ChatIDE-model"
          title={model}
          onClick={() => onPick(model)}
        >
          <span>{typed ? trans.__('Use “%1”', modelName(model)) : modelName(model)}</span>
          {label && <span className="jp-ChatIDE-modelLabel">{label}</span>}
          {model === current && <Icon icon={checkIcon} />}
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
