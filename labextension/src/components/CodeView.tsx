import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import React, { memo, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useServices } from './services';

const LONG = 18; // lines; code with more is clipped once it stands
const HIGHLIGHT_EVERY = 250; // ms, while code streams

export interface ICodeViewProps {
  code: string;
  /** A name that Lab's languages know, or any other. */
  language: string;
  /** More may come. */
  streaming: boolean;
}

/** Highlighted code. While it streams, what is new shows at once and is coloured a bit later. */
export const CodeView = memo(({ code, language, streaming }: ICodeViewProps) => {
  const { languages, trans } = useServices();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLPreElement>(null);
  const node = useRef<HTMLElement>(null);
  const shown = useRef('');
  const lines = code.replace(/\n$/, '').split('\n').length;
  const long = lines > LONG;

  useLayoutEffect(() => {
    const text = code.replace(/\n$/, '');
    if (text.startsWith(shown.current)) {
      node.current!.append(text.slice(shown.current.length));
    } else {
      node.current!.textContent = text;
    }
    shown.current = text;
    if (streaming) {
      box.current!.scrollTop = box.current!.scrollHeight;
    }
  }, [code, streaming]);

  useHighlight(node, shown, code, language, streaming, languages);

  const clipped = long && !open;
  return (
    <div className={`jp-ChatIDE-code${clipped ? ' jp-mod-clipped' : ''}`}>
      <pre ref={box} className={streaming && long ? 'jp-mod-following' : ''} tabIndex={0}>
        <code ref={node} />
      </pre>
      {long && !streaming && (
        <button type="button" className="jp-ChatIDE-more" onClick={() => setOpen(!open)}>
          {open ? trans.__('Show less') : trans.__('Show all %1 lines', lines)}
        </button>
      )}
    </div>
  );
});
CodeView.displayName = 'CodeView';

function useHighlight(
  node: React.RefObject<HTMLElement>,
  shown: React.MutableRefObject<string>,
  code: string,
  language: string,
  streaming: boolean,
  languages: IEditorLanguageRegistry | null
): void {
  const last = useRef(0);
  useEffect(() => {
    const spec = language ? languages?.findBest(language) : null;
    if (!languages || !spec) {
      return;
    }
    const due = streaming ? Math.max(0, last.current + HIGHLIGHT_EVERY - Date.now()) : 0;
    const timer = window.setTimeout(async () => {
      last.current = Date.now();
      const text = shown.current;
      const fresh = document.createElement('code');
      try {
        await languages.highlight(text, spec, fresh);
      } catch {
        return; // A language that does not load: the code stays as plain text.
      }
      if (node.current && shown.current.startsWith(text)) {
        fresh.append(shown.current.slice(text.length));
        node.current.replaceChildren(...fresh.childNodes);
      }
    }, due);
    return () => window.clearTimeout(timer);
  }, [node, shown, code, language, streaming, languages]);
}
