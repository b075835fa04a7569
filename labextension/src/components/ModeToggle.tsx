import React from 'react';
import type { Mode } from '../model/events';
import { useChatIDE, useServices } from './services';

/** Build runs the code of a reply; Ask runs nothing. */
export function ModeToggle(): JSX.Element {
  const { chatide, trans } = useServices();
  const mode = useChatIDE(state => state.mode);
  const modes: { id: Mode; label: string; title: string }[] = [
    {
      id: 'build',
      label: trans.__('Build'),
      title: trans.__('Build: the code of the reply runs')
    },
    { id: 'ask', label: trans.__('Ask'), title: trans.__('Ask: nothing runs') }
  ];
  return (
    <div
      className="jp-ChatIDE-modes"
      role="radiogroup"
      aria-label={trans.__('Mode')}
      onKeyDown={event => {
        if (event.key.startsWith('Arrow')) {
          event.preventDefault();
          const other = mode === 'build' ? 'ask' : 'build';
          chatide.setMode(other);
          event.currentTarget.querySelector<HTMLElement>(`[data-mode="${other}"]`)?.focus();
        }
      }}
    >
      {modes.map(({ id, label, title }) => (
        <button
          key={id}
          type="button"
          role="radio"
          data-mode={id}
          aria-checked={mode === id}
          tabIndex={mode === id ? 0 : -1}
          title={title}
          onClick={() => chatide.setMode(id)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
