import React, { useEffect, useRef, useState } from 'react';
import { closeIcon, moveDownIcon, moveUpIcon } from '../../icons';
import { providerOf } from '../../model/models';
import { IconButton } from '../IconButton';
import { ProviderIcon } from '../ProviderIcon';
import { useChatIDE, useServices } from '../services';
import { PickButton } from './PickButton';

export interface IChainEditorProps {
  label: string;
  /** Models as `provider/model`, in the order in which they are asked. */
  models: readonly string[];
  busy: boolean;
  onChange: (models: string[]) => void;
  /** Further buttons. */
  children?: React.ReactNode;
}

type Move = 'up' | 'down';

/** A list of models that a person puts in order, with buttons or with Alt and the arrow keys. */
export function ChainEditor(props: IChainEditorProps): JSX.Element {
  const { label, models, busy, onChange, children } = props;
  const { trans } = useServices();
  const [told, setTold] = useState('');
  const list = useRef<HTMLOListElement>(null);
  const moved = useRef<{ model: string; by: Move; order: string } | null>(null);

  // The model that was moved keeps the focus, so that it can be moved on.
  useEffect(() => {
    const { current } = moved;
    if (current && !busy && current.order === models.join()) {
      moved.current = null;
      const row = [...(list.current?.children ?? [])][models.indexOf(current.model)];
      const wanted = row?.querySelector<HTMLButtonElement>(`[data-move="${current.by}"]`);
      const other = row?.querySelector<HTMLButtonElement>('[data-move]:not(:disabled)');
      (wanted?.disabled ? other : wanted)?.focus();
    }
  }, [models, busy]);

  const move = (index: number, by: Move): void => {
    const to = index + (by === 'up' ? -1 : 1);
    if (busy || to < 0 || to >= models.length) {
      return;
    }
    const next = [...models];
    [next[index], next[to]] = [next[to], next[index]];
    moved.current = { model: models[index], by, order: next.join() };
    setTold(trans.__('%1 is now number %2 of %3', models[index], to + 1, models.length));
    onChange(next);
  };

  const remove = (index: number): void => {
    setTold(trans.__('%1 is removed', models[index]));
    onChange(models.filter((_, place) => place !== index));
  };

  return (
    <div role="group" aria-label={label} className="jp-ChatIDE-chain">
      {models.length > 0 ? (
        <ol ref={list}>
          {models.map((model, index) => (
            <li
              key={model}
              onKeyDown={event => {
                const by = { ArrowUp: 'up', ArrowDown: 'down' }[event.key] as Move | undefined;
                if (event.altKey && by) {
                  event.preventDefault();
                  move(index, by);
                }
              }}
            >
              <span className="jp-ChatIDE-number">{index + 1}</span>
              <ProviderIcon of={model} />
              <span className="jp-ChatIDE-chainModel" title={model}>
                {model}
                <Unready model={model} />
              </span>
              <IconButton
                data-move="up"
                icon={moveUpIcon}
                label={trans.__('Move %1 up', model)}
                disabled={busy || index === 0}
                onClick={() => move(index, 'up')}
              />
              <IconButton
                data-move="down"
                icon={moveDownIcon}
                label={trans.__('Move %1 down', model)}
                disabled={busy || index === models.length - 1}
                onClick={() => move(index, 'down')}
              />
              <IconButton
                icon={closeIcon}
                label={trans.__('Remove %1', model)}
                disabled={busy}
                onClick={() => remove(index)}
              />
            </li>
          ))}
        </ol>
      ) : (
        <p className="jp-ChatIDE-nothing">
          {trans.__('No model yet: when one is unavailable, the turn fails and says why.')}
        </p>
      )}
      <div className="jp-ChatIDE-buttons">
        <PickButton
          label={trans.__('Add a model')}
          disabled={busy}
          onPick={model => {
            if (!models.includes(model)) {
              onChange([...models, model]);
            }
          }}
        />
        {children}
      </div>
      <div className="jp-ChatIDE-hidden" role="status">
        {told}
      </div>
    </div>
  );
}

/** Said of a model that would be skipped as things are. */
function Unready({ model }: { model: string }): JSX.Element | null {
  const { trans } = useServices();
  const provider = useChatIDE(({ providers }) => providerOf(model, providers));
  if (provider?.ready) {
    return null;
  }
  return (
    <small>
      {provider?.blocked
        ? trans.__('blocked: it is skipped')
        : trans.__('not connected: it is skipped')}
    </small>
  );
}
