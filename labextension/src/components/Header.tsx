import React, { useState } from 'react';
import { chevronDownIcon, keyIcon, plusIcon, shieldIcon } from '../icons';
import { ChatList } from './ChatList';
import { Icon, IconButton } from './IconButton';
import { Popover } from './Popover';
import { SandboxReportView } from './SandboxReportView';
import { useChatIDE, useServices } from './services';
import { useTitle } from './useTitle';

/** The panel's head: which chat this is, the others, and what stands behind it. */
export function Header(): JSX.Element {
  const { chatide, trans } = useServices();
  const sandbox = useChatIDE(state => state.sandbox);
  const title = useTitle();
  const [open, setOpen] = useState<'chats' | 'sandbox' | null>(null);
  const toggle = (what: 'chats' | 'sandbox'): void => setOpen(open === what ? null : what);
  const close = (): void => setOpen(null);

  return (
    <div className="jp-ChatIDE-header">
      <button
        type="button"
        className="jp-ChatIDE-title"
        aria-haspopup="dialog"
        aria-expanded={open === 'chats'}
        title={trans.__('Chats')}
        aria-label={trans.__('Chats: %1', title)}
        onClick={() => toggle('chats')}
      >
        <span className="jp-ChatIDE-titleText">{title}</span>
        <Icon icon={chevronDownIcon} />
      </button>
      <IconButton icon={plusIcon} label={trans.__('New chat')} onClick={() => chatide.newChat()} />
      {sandbox && (
        <IconButton
          icon={shieldIcon}
          label={trans.__('What code from this chat may do')}
          aria-haspopup="dialog"
          aria-expanded={open === 'sandbox'}
          onClick={() => toggle('sandbox')}
        />
      )}
      <IconButton
        icon={keyIcon}
        label={trans.__('Models and keys')}
        onClick={() => chatide.connect()}
      />
      {open === 'chats' && (
        <Popover label={trans.__('Chats')} side="top" onClose={close}>
          <ChatList onClose={close} />
        </Popover>
      )}
      {open === 'sandbox' && sandbox && (
        <Popover label={trans.__('What code from this chat may do')} side="top" onClose={close}>
          <SandboxReportView report={sandbox} />
        </Popover>
      )}
    </div>
  );
}
