import React, { useState } from 'react';
import { chevronRightIcon } from '../icons';
import type { IReply } from '../model/chat';
import { seconds } from '../model/wording';
import { Icon } from './IconButton';
import { MarkdownView } from './MarkdownView';
import { useServices } from './services';

/** A model's reasoning, folded; open, it streams. */
export function Reasoning({ reply }: { reply: IReply }): JSX.Element {
  const { trans } = useServices();
  const [open, setOpen] = useState(false);
  const { reason, reasoning, reasoned, thoughtFrom = 0 } = reply;
  const going = reason === '' && reasoned === undefined;
  const took = reasoned === undefined ? 0 : Math.round(reasoned - thoughtFrom);
  let label = trans.__('Reasoning');
  if (going) {
    label = trans.__('Reasoning…');
  } else if (took >= 1) {
    label = trans.__('Thought for %1', seconds(took));
  }
  return (
    <div className="jp-ChatIDE-reasoning">
      <button
        type="button"
        className={going ? 'jp-ChatIDE-thinking' : ''}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon icon={chevronRightIcon} />
        {label}
      </button>
      {open && <MarkdownView text={reasoning} streaming={going} />}
    </div>
  );
}
