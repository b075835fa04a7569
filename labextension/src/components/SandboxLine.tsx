import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';
import { shieldIcon } from '../icons';
import type { SandboxReport } from '../model/events';
import { Icon } from './IconButton';
import { Popover } from './Popover';
import { SandboxReportView } from './SandboxReportView';
import { useChatIDE, useServices } from './services';

/** One plain sentence on what code reaches, until all of it is isolated. */
export function SandboxLine(): JSX.Element | null {
  const { trans } = useServices();
  const report = useChatIDE(state => state.sandbox);
  const [open, setOpen] = useState(false);
  if (!report || report.tier === 'full') {
    return null;
  }
  return (
    <>
      <button
        type="button"
        className="jp-ChatIDE-sandboxLine"
        aria-haspopup="dialog"
        aria-expanded={open}
        title={report.summary}
        onClick={() => setOpen(!open)}
      >
        <Icon icon={shieldIcon} />
        <span>{sentence(report, trans)}</span>
      </button>
      {open && (
        <Popover
          label={trans.__('What code from this chat may do')}
          side="bottom"
          onClose={() => setOpen(false)}
        >
          <SandboxReportView report={report} />
        </Popover>
      )}
    </>
  );
}

function sentence({ dimensions }: SandboxReport, trans: TranslationBundle): string {
  const open = new Set(dimensions.filter(({ enforced }) => !enforced).map(({ name }) => name));
  const files = open.has('read_files') || open.has('write_files');
  if (files && open.has('network')) {
    return trans.__('Code here can reach your files and the network');
  }
  if (files) {
    return trans.__('Code here can reach your files');
  }
  return open.has('network')
    ? trans.__('Code here can reach the network')
    : trans.__('Code here is not fully isolated');
}
