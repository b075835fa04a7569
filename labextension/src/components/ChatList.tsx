import { Time } from '@jupyterlab/coreutils';
import React, { useEffect, useState } from 'react';
import { checkIcon, closeIcon, pencilIcon, searchIcon, trashIcon } from '../icons';
import type { ChatInfo } from '../model/events';
import { Icon, IconButton } from './IconButton';
import { useChatIDE, useServices } from './services';

const SEARCH_DELAY = 150; // ms

/** All chats, the newest first: open, search, rename, delete. */
export function ChatList({ onClose }: { onClose: () => void }): JSX.Element {
  const { chatide, trans } = useServices();
  const chats = useChatIDE(state => state.chats);
  const current = useChatIDE(state => state.session?.id);
  const [search, setSearch] = useState('');
  const [found, setFound] = useState<readonly ChatInfo[] | null>(null);

  useEffect(() => {
    void chatide.refreshChats();
  }, [chatide]);

  useEffect(() => {
    if (!search.trim()) {
      setFound(null);
      return;
    }
    let current = true;
    const timer = window.setTimeout(() => {
      chatide.api.chats(search.trim()).then(
        result => current && setFound(result),
        () => current && setFound([])
      );
    }, SEARCH_DELAY);
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [search, chats, chatide]);

  const shown = found ?? chats;
  return (
    <>
      <label className="jp-ChatIDE-search">
        <Icon icon={searchIcon} />
        <input
          data-autofocus
          type="search"
          placeholder={trans.__('Search chats')}
          aria-label={trans.__('Search chats')}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
      </label>
      <ul className="jp-ChatIDE-chats" onKeyDown={moveByArrows}>
        {shown.map(chat => (
          <ChatRow key={chat.id} chat={chat} current={chat.id === current} onClose={onClose} />
        ))}
      </ul>
      {shown.length === 0 && (
        <p className="jp-ChatIDE-nothing">
          {search.trim() ? trans.__('No chat has this in its title.') : trans.__('No chats yet.')}
        </p>
      )}
    </>
  );
}

interface IChatRowProps {
  chat: ChatInfo;
  current: boolean;
  onClose: () => void;
}

function ChatRow({ chat, current, onClose }: IChatRowProps): JSX.Element {
  const { chatide, trans } = useServices();
  const [state, setState] = useState<'' | 'renaming' | 'deleting'>('');
  const title = chat.title || trans.__('New chat');
  const { unreadable } = chat;

  if (state === 'renaming') {
    return (
      <li className="jp-ChatIDE-chat jp-mod-editing">
        <RenameForm chat={chat} onDone={() => setState('')} />
      </li>
    );
  }
  if (state === 'deleting') {
    return (
      <li className="jp-ChatIDE-chat jp-mod-editing" role="alertdialog" aria-label={title}>
        <span className="jp-ChatIDE-chatTitle">
          {trans.__('Delete “%1” and its files?', title)}
        </span>
        <span className="jp-ChatIDE-buttons">
          <button type="button" className="jp-ChatIDE-button" onClick={() => setState('')}>
            {trans.__('Cancel')}
          </button>
          <button
            type="button"
            autoFocus
            className="jp-ChatIDE-button jp-mod-danger"
            onClick={() => void chatide.delete(chat.id)}
          >
            {trans.__('Delete')}
          </button>
        </span>
      </li>
    );
  }
  return (
    <li className={`jp-ChatIDE-chat${current ? ' jp-mod-current' : ''}`}>
      <button
        type="button"
        className="jp-ChatIDE-chatOpen"
        disabled={!!unreadable}
        aria-current={current ? 'true' : undefined}
        title={unreadable || title}
        onClick={() => {
          void chatide.open(chat.id);
          onClose();
        }}
      >
        <span className="jp-ChatIDE-chatTitle">{title}</span>
        <span className="jp-ChatIDE-chatTime">
          {chat.running && (
            <>
              <span className="jp-ChatIDE-pulse" />
              {trans.__('Running')}
              {' · '}
            </>
          )}
          {unreadable || Time.formatHuman(new Date(chat.modified * 1000))}
        </span>
      </button>
      <span className="jp-ChatIDE-chatTools">
        <IconButton
          icon={pencilIcon}
          label={trans.__('Rename')}
          onClick={() => setState('renaming')}
        />
        <IconButton
          icon={trashIcon}
          label={trans.__('Delete')}
          onClick={() => setState('deleting')}
        />
      </span>
    </li>
  );
}

function RenameForm({ chat, onDone }: { chat: ChatInfo; onDone: () => void }): JSX.Element {
  const { chatide, trans } = useServices();
  const [title, setTitle] = useState(chat.title);
  return (
    <form
      className="jp-ChatIDE-rename"
      onSubmit={event => {
        event.preventDefault();
        if (title.trim() && title !== chat.title) {
          void chatide.rename(chat.id, title);
        }
        onDone();
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onDone();
        }
      }}
    >
      <input
        autoFocus
        maxLength={200}
        aria-label={trans.__('Title')}
        value={title}
        onFocus={event => event.target.select()}
        onChange={event => setTitle(event.target.value)}
      />
      <IconButton icon={checkIcon} type="submit" label={trans.__('Rename')} />
      <IconButton icon={closeIcon} label={trans.__('Cancel')} onClick={onDone} />
    </form>
  );
}

/** The arrow keys go from chat to chat. */
function moveByArrows(event: React.KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target instanceof HTMLInputElement) {
    return;
  }
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('.jp-ChatIDE-chatOpen')];
  const row = (event.target as HTMLElement).closest('li')?.querySelector('.jp-ChatIDE-chatOpen');
  const next = rows[rows.indexOf(row as HTMLElement) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}
