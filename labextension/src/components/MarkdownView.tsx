import { MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime';
import React, { memo, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { NO_BLOCKS, blocksOf, cut, withDollars } from '../model/markdown';
import { attach, detach } from '../widgets/hosting';
import { useServices } from './services';

const MARKDOWN = 'text/markdown';

export interface IMarkdownViewProps {
  text: string;
  /** More text may come. */
  streaming: boolean;
}

/** Streamed Markdown, block by block: what is finished is rendered once, the tail each frame. */
export const MarkdownView = memo(({ text, streaming }: IMarkdownViewProps) => {
  const shown = useFrames(text, streaming);
  const blocks = useRef(NO_BLOCKS);
  blocks.current = cut(shown, blocks.current);
  const definitions = blocks.current.definitions.map(({ text }) => text).join('\n');
  return (
    <div className="jp-ChatIDE-markdown">
      {blocksOf(blocks.current).map((block, index) => (
        <Block key={index} source={block} definitions={definitions} />
      ))}
    </div>
  );
});
MarkdownView.displayName = 'MarkdownView';

/** A value that changes at most once a frame while it streams. */
function useFrames(text: string, streaming: boolean): string {
  const [shown, setShown] = useState(text);
  const newest = useRef(text);
  const frame = useRef(0);
  newest.current = text;
  useEffect(() => {
    if (streaming && !frame.current) {
      frame.current = requestAnimationFrame(() => {
        frame.current = 0;
        setShown(newest.current);
      });
    }
  }, [text, streaming]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  return streaming ? shown : text;
}

interface IBlockProps {
  source: string;
  definitions: string;
}

const Block = memo(({ source, definitions }: IBlockProps) => {
  const { rendermime } = useServices();
  const host = useRef<HTMLDivElement>(null);
  const render = useRef<(markdown: string) => void>();

  useLayoutEffect(() => {
    const renderer = rendermime.createRenderer(MARKDOWN);
    attach(renderer, host.current!);
    render.current = newestOnly(renderer);
    return () => detach(renderer);
  }, [rendermime]);

  const markdown = withLinks(withDollars(source), definitions);
  useLayoutEffect(() => {
    render.current?.(markdown);
  }, [markdown, rendermime]);

  return <div ref={host} />;
});
Block.displayName = 'Block';

function withLinks(block: string, definitions: string): string {
  return definitions && block.includes('[') ? `${block}\n\n${definitions}` : block;
}

/** Render one text at a time; of those that come meanwhile, only the newest. */
function newestOnly(renderer: IRenderMime.IRenderer): (markdown: string) => void {
  let waiting: string | null = null;
  let busy = false;
  const work = async (): Promise<void> => {
    busy = true;
    while (waiting !== null && !renderer.isDisposed) {
      const data = { [MARKDOWN]: waiting };
      waiting = null;
      try {
        await renderer.renderModel(new MimeModel({ data, trusted: false }));
      } catch (error) {
        console.warn('A block of Markdown could not be rendered.', error);
      }
    }
    busy = false;
  };
  return markdown => {
    waiting = markdown;
    if (!busy) {
      void work();
    }
  };
}
