import { MimeModel } from '@jupyterlab/rendermime';
import React, { useEffect, useRef, useState } from 'react';
import { chevronDownIcon, chevronRightIcon } from '../icons';
import type { IRun } from '../model/chat';
import type { RunError } from '../model/events';
import { attach, detach } from '../widgets/hosting';
import { Icon } from './IconButton';
import { useServices } from './services';

const STDERR = 'application/vnd.jupyter.stderr';

/** A run's error: its last line, and the traceback on demand. A Stop is no error. */
export function Traceback({ run }: { run: IRun }): JSX.Element | null {
  const { trans } = useServices();
  const [open, setOpen] = useState(false);
  const error = errorOf(run);
  if (!error || run.status === 'interrupted') {
    return null;
  }
  const summary = error.evalue ? `${error.ename}: ${error.evalue}` : error.ename;
  return (
    <div className="jp-ChatIDE-traceback">
      <button
        type="button"
        aria-expanded={open}
        title={open ? trans.__('Hide the traceback') : trans.__('Show the traceback')}
        onClick={() => setOpen(!open)}
      >
        <Icon icon={open ? chevronDownIcon : chevronRightIcon} />
        <span>{summary}</span>
      </button>
      {open && <Ansi text={error.traceback.join('\n') || summary} />}
    </div>
  );
}

function errorOf(run: IRun): RunError | undefined {
  const output = run.outputs.find(item => item.output.output_type === 'error')?.output;
  return run.error ?? (output as unknown as RunError | undefined);
}

function Ansi({ text }: { text: string }): JSX.Element {
  const { rendermime } = useServices();
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const renderer = rendermime.createRenderer(STDERR);
    attach(renderer, host.current!);
    void renderer.renderModel(new MimeModel({ data: { [STDERR]: text }, trusted: false }));
    return () => detach(renderer);
  }, [rendermime, text]);
  return <div ref={host} />;
}
