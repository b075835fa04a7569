import { Clipboard } from '@jupyterlab/apputils';
import React, { useEffect, useState } from 'react';
import { checkIcon, copyIcon } from '../icons';
import { IconButton } from './IconButton';
import { useServices } from './services';

/** Copies a text; for a moment it says that it did. */
export function CopyButton({ text, label }: { text: string; label?: string }): JSX.Element {
  const { trans } = useServices();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    const timer = copied ? window.setTimeout(() => setCopied(false), 1500) : undefined;
    return () => window.clearTimeout(timer);
  }, [copied]);
  return (
    <IconButton
      icon={copied ? checkIcon : copyIcon}
      label={copied ? trans.__('Copied') : (label ?? trans.__('Copy'))}
      onClick={() => {
        Clipboard.copyToSystem(text);
        setCopied(true);
      }}
    />
  );
}

export interface ICopyFieldProps {
  text: string;
  /** What it is. */
  label: string;
  /** Its lines stay as they are, and scroll. */
  lines?: boolean;
}

/** A text to take along: an address, a command, a few lines of code. */
export function CopyField({ text, label, lines = false }: ICopyFieldProps): JSX.Element {
  const { trans } = useServices();
  const wrapping = lines ? ' jp-mod-lines' : '';
  return (
    <div className={`jp-ChatIDE-copyField${wrapping}`} role="group" aria-label={label}>
      <pre tabIndex={0}>{text}</pre>
      <CopyButton text={text} label={trans.__('Copy: %1', label)} />
    </div>
  );
}
