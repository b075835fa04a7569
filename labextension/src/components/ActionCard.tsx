import React, { memo, useState } from 'react';
import { actionStatus } from '../model/chat';
import type { ActionStatus, IAction } from '../model/chat';
import { isPage } from '../model/previews';
import { ActionHead } from './ActionHead';
import { CodeView } from './CodeView';
import { NoticeCard } from './NoticeCard';
import { RunOutputs } from './RunOutputs';
import { useServices, useSessionState } from './services';

/** A code block of a reply: its code, how it stands, and what came of it. */
export const ActionCard = memo(({ id }: { id: string }) => {
  const action = useSessionState(({ chat }) => chat.actions.get(id));
  const run = useSessionState(({ chat }) => chat.runs.get(action?.run ?? ''));
  const turn = useSessionState(({ chat }) => chat.turns.get(action?.turn ?? ''));
  const [folded, setFolded] = useState<boolean | null>(null);
  if (!action) {
    return null;
  }
  const status = actionStatus(action, run, turn);
  const hidden = folded ?? foldsByItself(action, status);
  return (
    <div className={`jp-ChatIDE-action jp-mod-${status || 'plain'}`}>
      <ActionHead {...{ action, run, status, folded: hidden }} onFold={() => setFolded(!hidden)} />
      {!hidden && (
        <CodeView
          code={action.content}
          language={languageOf(action)}
          streaming={status === 'writing'}
        />
      )}
      {run && (
        <>
          <RunOutputs run={run} />
          {run.notices.map(notice => (
            <NoticeCard key={notice.n} notice={notice} />
          ))}
        </>
      )}
      {!run && <Outcome action={action} status={status} />}
    </div>
  );
});
ActionCard.displayName = 'ActionCard';

/** A written file shows as a line; its content is a click away. */
function foldsByItself(action: IAction, status: ActionStatus): boolean {
  return (action.kind === 'file' || action.kind === 'edit') && status === 'done';
}

function languageOf({ kind, language, path }: IAction): string {
  if (kind === 'cell') {
    return 'python';
  }
  if (kind === 'shell') {
    return 'bash';
  }
  if ((kind === 'file' || kind === 'edit') && !language) {
    return isPage(path) ? 'html' : (path.split('.').pop() ?? '');
  }
  return language;
}

function Outcome({
  action,
  status
}: {
  action: IAction;
  status: ActionStatus;
}): JSX.Element | null {
  const { trans } = useServices();
  const { message = '', hint = '' } = action.outcome ?? {};
  let text = [message, hint].filter(Boolean).join(' ');
  if (!text && action.closed && !action.complete) {
    text = trans.__('The reply ended before this block did, so it was not used.');
  }
  return text ? (
    <p className={`jp-ChatIDE-outcome${status === 'failed' ? ' jp-mod-bad' : ''}`}>{text}</p>
  ) : null;
}
