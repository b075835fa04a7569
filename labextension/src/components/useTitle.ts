import { useCallback, useSyncExternalStore } from 'react';
import { useChatIDE, useServices } from './services';

const never = (): (() => void) => () => undefined;

/** The open chat's title. */
export function useTitle(): string {
  const { trans } = useServices();
  const session = useChatIDE(state => state.session);
  const listed = useChatIDE(({ chats }) => chats.find(({ id }) => id === session?.id)?.title);
  const get = useCallback(() => session?.chat.title ?? '', [session]);
  const told = useSyncExternalStore(session?.store.subscribe ?? never, get);
  return told || listed || trans.__('New chat');
}
