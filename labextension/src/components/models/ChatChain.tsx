import React, { useSyncExternalStore } from 'react';
import type { ChatSession } from '../../model/session';
import { ErrorCard } from '../ErrorCard';
import { useServices } from '../services';
import { useAction } from '../useAction';
import { useTitle } from '../useTitle';
import { ChainEditor } from './ChainEditor';

export interface IChatChainProps {
  session: ChatSession;
  /** The chain that holds while the chat has none of its own. */
  inherited: readonly string[];
}

/** The open chat's own chain of models, or that it has none. */
export function ChatChain({ session, inherited }: IChatChainProps): JSX.Element {
  const { chatide, trans } = useServices();
  const chain = useSyncExternalStore(session.store.subscribe, () => session.chat.fallback);
  const title = useTitle();
  const { busy, problem, run, dismiss } = useAction();

  const change = (fallback: string[] | null): void => {
    void run('chain', () => chatide.api.changeChat(session.id, { fallback }));
  };

  return (
    <section className="jp-ChatIDE-group">
      <h3>{trans.__('In this chat')}</h3>
      <p className="jp-ChatIDE-lead">{title}</p>
      {chain ? (
        <ChainEditor
          label={trans.__('Chain of this chat')}
          models={chain}
          busy={busy !== ''}
          onChange={change}
        >
          <button
            type="button"
            className="jp-ChatIDE-link"
            disabled={busy !== ''}
            onClick={() => change(null)}
          >
            {trans.__('Use the default')}
          </button>
        </ChainEditor>
      ) : (
        <>
          <p>{trans.__('Uses the default chain.')}</p>
          <div className="jp-ChatIDE-buttons">
            <button
              type="button"
              className="jp-ChatIDE-button"
              disabled={busy !== ''}
              onClick={() => change([...inherited])}
            >
              {trans.__('Give this chat its own')}
            </button>
          </div>
        </>
      )}
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} onDismiss={dismiss} />}
    </section>
  );
}
