import React, { useEffect, useRef, useState } from 'react';
import { ModelPicker } from '../ModelPicker';

export interface IPickButtonProps {
  label: string;
  disabled?: boolean;
  onPick: (model: string) => void;
}

/** A button that opens the list of models below it. */
export function PickButton({ label, disabled, onPick }: IPickButtonProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const picker = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (open) {
      picker.current?.querySelector<HTMLElement>('[data-autofocus]')?.focus();
    }
  }, [open]);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className="jp-ChatIDE-button"
        aria-expanded={open}
        disabled={disabled}
        onClick={() => setOpen(!open)}
      >
        {label}
      </button>
      {open && (
        <div
          ref={picker}
          className="jp-ChatIDE-inlinePicker"
          role="group"
          aria-label={label}
          onKeyDown={event => {
            if (event.key === 'Escape') {
              event.stopPropagation();
              close();
            }
          }}
        >
          <ModelPicker
            onPick={model => {
              close();
              onPick(model);
            }}
          />
        </div>
      )}
    </>
  );
}
