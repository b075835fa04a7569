import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';

const NEAR = 32; // px from the end that still count as the end

export interface IStickyScroll {
  scroller: RefObject<HTMLDivElement>;
  content: RefObject<HTMLDivElement>;
  /** Whether the reader is at the end. */
  atEnd: boolean;
  toEnd: () => void;
}

/**
 * Keep a scroller at its end while the reader is there, and leave it where it is otherwise.
 *
 * @param asked - Goes to the end when it changes: the person did something that stands there.
 */
export function useStickyScroll(asked: unknown): IStickyScroll {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const top = useRef(0);
  const [atEnd, setAtEnd] = useState(true);

  const follow = useCallback((): void => {
    const node = scroller.current;
    if (node && node.clientHeight > 0) {
      // A panel that was hidden comes back scrolled to its top.
      node.scrollTop = stuck.current ? node.scrollHeight : top.current;
    }
  }, []);

  const toEnd = useCallback((): void => {
    stuck.current = true;
    setAtEnd(true);
    follow();
  }, [follow]);

  useLayoutEffect(toEnd, [asked, toEnd]);

  useEffect(() => {
    const node = scroller.current!;
    const onScroll = (): void => {
      if (node.clientHeight > 0) {
        const end = node.scrollHeight - node.clientHeight;
        const here = end - node.scrollTop <= NEAR;
        // Only going up leaves the end; what grows below it does not.
        stuck.current = here || (stuck.current && node.scrollTop >= top.current);
        top.current = node.scrollTop;
        setAtEnd(stuck.current);
      }
    };
    node.addEventListener('scroll', onScroll, { passive: true });
    const observer = new ResizeObserver(follow);
    observer.observe(node);
    observer.observe(content.current!);
    return () => {
      node.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, [follow]);

  return { scroller, content, atEnd, toEnd };
}
