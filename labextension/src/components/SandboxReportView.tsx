import React from 'react';
import { alertIcon, checkIcon, shieldIcon } from '../icons';
import type { SandboxReport } from '../model/events';
import { Icon } from './IconButton';
import { useServices } from './services';

/** What generated code is kept from on this machine, and what not. */
export function SandboxReportView({ report }: { report: SandboxReport }): JSX.Element {
  const { trans } = useServices();
  const tiers = {
    full: trans.__('Fully isolated'),
    partial: trans.__('Partly isolated'),
    remote: trans.__('Isolated by a remote kernel server'),
    minimal: trans.__('Barely isolated')
  };
  const open = report.dimensions.filter(({ enforced }) => !enforced);
  const closed = report.dimensions.filter(({ enforced }) => enforced);
  return (
    <div className="jp-ChatIDE-sandbox" tabIndex={0}>
      <h3>
        <Icon icon={shieldIcon} />
        {tiers[report.tier]}
      </h3>
      <p>{report.summary}</p>
      <ul>
        {[...open, ...closed].map(({ name, label, enforced, mechanism, gap, hint }) => (
          <li key={name} className={enforced ? '' : 'jp-mod-open'}>
            <Icon icon={enforced ? checkIcon : alertIcon} />
            <div>
              <strong>{label}</strong>
              <span className="jp-ChatIDE-hidden">
                {enforced ? trans.__('(enforced)') : trans.__('(not enforced)')}
              </span>
              {mechanism && <p>{mechanism}</p>}
              {gap && <p className="jp-ChatIDE-gap">{gap}</p>}
              {hint && <p className="jp-ChatIDE-hint">{hint}</p>}
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
