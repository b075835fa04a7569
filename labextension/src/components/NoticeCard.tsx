import React from 'react';
import { alertIcon, infoIcon, keyIcon } from '../icons';
import type { INotice } from '../model/chat';
import { remedy } from '../model/remedy';
import { Icon } from './IconButton';
import { useServices } from './services';

/** Something to know, without anything being wrong with the chat. */
export function NoticeCard({ notice }: { notice: INotice }): JSX.Element {
  const { chatide, trans } = useServices();
  const { level, code, message, hint } = notice;
  return (
    <div className={`jp-ChatIDE-card jp-mod-${level}`} role="note">
      <Icon icon={level === 'warning' ? alertIcon : infoIcon} />
      <div className="jp-ChatIDE-cardBody">
        <p>
          <strong>{message}</strong> {hint}
        </p>
        {remedy(code) === 'keys' && (
          <button type="button" className="jp-ChatIDE-button" onClick={() => chatide.connect()}>
            <Icon icon={keyIcon} />
            {trans.__('Connect a model')}
          </button>
        )}
      </div>
    </div>
  );
}
