import React, { useEffect, useRef } from 'react';

export interface IPopoverProps {
  label: string;
  /** Where in the panel it opens: below the header, or above the composer. */
  side: 'top' | 'bottom';
  onClose: () => void;
  children: React.ReactNode;
}

/** A small dialog over the panel. Escape or a click elsewhere closes it; focus goes back. */
export function Popover({ label, side, onClose, children }: IPopoverProps): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;

  useEffect(() => {
    const node = root.current!;
    const opener = document.activeElement as HTMLElement | null;
    const first = node.querySelector<HTMLElement>('[data-autofocus]') ?? node;
    first.focus({ preventScroll: true });
    const onPointerDown = (event: PointerEvent): void => {
      const target = event.target as Element;
      // A button that has a popover open closes it by its click.
      if (!node.contains(target) && !target.closest('[aria-haspopup][aria-expanded="true"]')) {
        close.current();
      }
    };
    // What hides the page for a moment, as a change of theme does, takes the focus away.
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && event.target === document.body) {
        event.stopPropagation();
        close.current();
      }
    };
    document.addEventListener('pointerdown', onPointerDown, true);
    document.addEventListener('keydown', onKeyDown, true);
    return () => {
      document.removeEventListener('keydown', onKeyDown, true);
      document.removeEventListener('pointerdown', onPointerDown, true);
      if (node.contains(document.activeElement) || document.activeElement === document.body) {
        opener?.focus({ preventScroll: true });
      }
    };
  }, []);

  return (
    <div
      ref={root}
      className={`jp-ChatIDE-popover jp-mod-${side}`}
      role="dialog"
      aria-label={label}
      tabIndex={-1}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      {children}
    </div>
  );
}
