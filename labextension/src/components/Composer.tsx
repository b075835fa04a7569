import React, { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { arrowUpIcon, chevronDownIcon, stopIcon } from '../icons';
import type { IModelRequest } from '../model/panelState';
import { chosenModel, modelName } from '../model/models';
import { ErrorCard } from './ErrorCard';
import { Icon, IconButton } from './IconButton';
import { ModelPicker } from './ModelPicker';
import { NextModel } from './NextModel';
import { ModeToggle } from './ModeToggle';
import { Popover } from './Popover';
import { ProviderIcon } from './ProviderIcon';
import { SandboxLine } from './SandboxLine';
import { useChatIDE, useServices, useStore } from './services';
import { useBusy } from './useBusy';

/** Where prompts are written, and what is said of the next turn: its mode and its model. */
export function Composer(): JSX.Element {
  const { chatide, trans } = useServices();
  const { enterSends } = useStore(chatide.settings);
  const { draft, sending, problem } = useChatIDE(state => state);
  const { busy, stopping } = useBusy();
  const input = useRef<HTMLTextAreaElement>(null);
  // Null while the picker is closed; it may be opened for something else than the next prompt.
  const [picking, setPicking] = useState<'next' | IModelRequest | null>(null);

  useEffect(() => {
    const focus = (): void => input.current?.focus();
    const pick = (_: unknown, request: IModelRequest | null): void => setPicking(request ?? 'next');
    chatide.focusRequested.connect(focus);
    chatide.modelRequested.connect(pick);
    return () => {
      chatide.focusRequested.disconnect(focus);
      chatide.modelRequested.disconnect(pick);
    };
  }, [chatide]);

  useLayoutEffect(() => {
    const node = input.current!;
    node.style.height = 'auto';
    node.style.height = `${node.scrollHeight}px`;
  }, [draft]);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const accel = event.ctrlKey || event.metaKey;
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      if (enterSends || accel) {
        event.preventDefault();
        void chatide.send();
      }
    }
  };

  return (
    <div className="jp-ChatIDE-composer">
      {problem && (
        <ErrorCard
          error={problem}
          onRetry={() => void chatide.retry()}
          onPickModel={() => setPicking('next')}
          onDismiss={() => chatide.dismissProblem()}
        />
      )}
      <form
        className="jp-ChatIDE-input"
        onSubmit={event => {
          event.preventDefault();
          void chatide.send();
        }}
        onClick={event => {
          if (event.target === event.currentTarget) {
            input.current?.focus();
          }
        }}
      >
        <textarea
          ref={input}
          rows={1}
          value={draft}
          placeholder={trans.__('Describe what you want…')}
          aria-label={trans.__('Prompt')}
          onChange={event => chatide.setDraft(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <div className="jp-ChatIDE-controls">
          <ModeToggle />
          <ModelButton
            open={picking === 'next'}
            onClick={() => setPicking(picking ? null : 'next')}
          />
          {busy ? (
            <IconButton
              className="jp-ChatIDE-send jp-mod-stop"
              icon={stopIcon}
              disabled={stopping}
              label={stopping ? trans.__('Stopping…') : trans.__('Stop (Escape)')}
              onClick={() => void chatide.stop()}
            />
          ) : (
            <IconButton
              className="jp-ChatIDE-send"
              type="submit"
              icon={arrowUpIcon}
              disabled={sending || !draft.trim()}
              label={trans.__('Send')}
            />
          )}
        </div>
      </form>
      <SandboxLine />
      {picking === 'next' && <NextModel onClose={() => setPicking(null)} />}
      {typeof picking === 'object' && picking && (
        <Popover label={picking.label} side="bottom" onClose={() => setPicking(null)}>
          <p className="jp-ChatIDE-popoverTitle">{picking.label}</p>
          <ModelPicker
            onPick={model => {
              setPicking(null);
              picking.onPick(model);
            }}
          />
        </Popover>
      )}
    </div>
  );
}

function ModelButton({ open, onClick }: { open: boolean; onClick: () => void }): JSX.Element {
  const { trans } = useServices();
  const model = useChatIDE(chosenModel);
  return (
    <button
      type="button"
      className="jp-ChatIDE-modelButton"
      aria-haspopup="dialog"
      aria-expanded={open}
      aria-label={model ? trans.__('Model: %1', model) : trans.__('Pick a model')}
      title={model || trans.__('Pick a model')}
      onClick={onClick}
    >
      <ProviderIcon of={model} />
      <span>{model ? modelName(model) : trans.__('Pick a model')}</span>
      <Icon icon={chevronDownIcon} />
    </button>
  );
}
