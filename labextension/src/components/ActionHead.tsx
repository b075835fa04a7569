import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';
import {
  chevronDownIcon,
  chevronRightIcon,
  codeIcon,
  fileIcon,
  globeIcon,
  insertIcon,
  packageIcon,
  panelIcon,
  playIcon,
  rerunIcon,
  terminalIcon
} from '../icons';
import type { ActionStatus, IAction, IRun } from '../model/chat';
import { notebookCode } from '../model/notebookCode';
import { isPage } from '../model/previews';
import { CopyButton } from './CopyField';
import { Icon, IconButton } from './IconButton';
import { useServices } from './services';
import { StatusBadge } from './StatusBadge';
import { useBusy } from './useBusy';

const ICONS: Record<IAction['kind'], LabIcon> = {
  cell: codeIcon,
  shell: terminalIcon,
  file: fileIcon,
  edit: fileIcon,
  pip: packageIcon,
  serve: globeIcon,
  example: codeIcon
};

export interface IActionHeadProps {
  action: IAction;
  run?: IRun;
  status: ActionStatus;
  folded: boolean;
  onFold: () => void;
}

/** The head of a code block: what it is, how it stands, and what can be done with it. */
export function ActionHead({ action, run, status, folded, onFold }: IActionHeadProps): JSX.Element {
  const { chatide, trans } = useServices();
  const { busy } = useBusy();
  const again = run !== undefined;
  const page = isPage(action.path) && action.outcome?.status === 'done';
  return (
    <div className="jp-ChatIDE-actionHead">
      <button
        type="button"
        className="jp-ChatIDE-fold"
        aria-expanded={!folded}
        aria-label={folded ? trans.__('Show the code') : trans.__('Hide the code')}
        title={folded ? trans.__('Show the code') : trans.__('Hide the code')}
        onClick={onFold}
      >
        <Icon icon={folded ? chevronRightIcon : chevronDownIcon} />
        <Icon icon={ICONS[action.kind]} className="jp-ChatIDE-kind" />
        <span className="jp-ChatIDE-actionName">{useName(action)}</span>
      </button>
      <StatusBadge action={action} run={run} status={status} />
      <span className="jp-ChatIDE-tools">
        {page && (
          <IconButton
            icon={panelIcon}
            label={trans.__('Open preview')}
            onClick={() => chatide.preview(`page:${action.path}`)}
          />
        )}
        {action.closed && isRunnable(action) && (
          <IconButton
            icon={again ? rerunIcon : playIcon}
            label={again ? trans.__('Run again') : trans.__('Run')}
            disabled={busy}
            onClick={() => void chatide.run(action.id)}
          />
        )}
        <InsertButton action={action} />
        <CopyButton text={action.content} />
      </span>
    </div>
  );
}

function useName({ kind, language, path }: IAction): string {
  const { trans } = useServices();
  switch (kind) {
    case 'cell':
      return 'Python';
    case 'shell':
      return trans.__('Shell');
    case 'pip':
      return trans.__('Packages');
    case 'serve':
      return path || trans.__('App');
    case 'file':
    case 'edit':
      return path || trans.__('File');
    default:
      return path || (/^python\d?$/i.test(language) ? 'Python' : language) || trans.__('Text');
  }
}

function isRunnable({ kind, language }: IAction): boolean {
  return (
    kind === 'cell' ||
    kind === 'shell' ||
    (kind === 'example' && (/^py/i.test(language) || /^(ba)?sh$/i.test(language)))
  );
}

function InsertButton({ action }: { action: IAction }): JSX.Element | null {
  const { insert, trans } = useServices();
  const code = notebookCode(action);
  return insert && action.closed && code !== null ? (
    <IconButton
      icon={insertIcon}
      label={trans.__('Insert into notebook')}
      onClick={() => void insert(code)}
    />
  ) : null;
}
