import { useSyncExternalStore } from 'react';
import { isBusy } from '../model/chat';
import { useChatIDE } from './services';

const never = (): (() => void) => () => undefined;

/** Whether something runs in the open chat, and whether it is being stopped. */
export function useBusy(): { busy: boolean; stopping: boolean } {
  const session = useChatIDE(state => state.session);
  const subscribe = session?.store.subscribe ?? never;
  const busy = useSyncExternalStore(subscribe, () => !!session && isBusy(session.chat));
  const stopping = useSyncExternalStore(subscribe, () => !!session?.store.get().stopping);
  return { busy, stopping };
}
