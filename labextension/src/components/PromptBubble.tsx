import React, { useState } from 'react';
import { useServices } from './services';

const LONG_LINES = 14;
const LONG_CHARS = 900;

/** What a person asked, as they wrote it. */
export function PromptBubble({ prompt }: { prompt: string }): JSX.Element {
  const { trans } = useServices();
  const [open, setOpen] = useState(false);
  const long = prompt.length > LONG_CHARS || prompt.split('\n').length > LONG_LINES;
  return (
    <div className="jp-ChatIDE-prompt">
      <div className={long && !open ? 'jp-ChatIDE-clipped' : ''}>{prompt}</div>
      {long && (
        <button type="button" className="jp-ChatIDE-more" onClick={() => setOpen(!open)}>
          {open ? trans.__('Show less') : trans.__('Show all')}
        </button>
      )}
    </div>
  );
}
