/** What the components are given, and how they follow the model. */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { createContext, useContext, useSyncExternalStore } from 'react';
import type { ChatIDE } from '../model/chatide';
import type { IPanelState } from '../model/panelState';
import type { ChatSession, ISessionState } from '../model/session';
import type { Store } from '../model/store';

export interface IServices {
  chatide: ChatIDE;
  rendermime: IRenderMimeRegistry;
  /** Highlights code; null where Lab has no registry of languages. */
  languages: IEditorLanguageRegistry | null;
  trans: TranslationBundle;
  /** Puts code into a notebook; null where there are none. */
  insert: ((code: string) => Promise<void>) | null;
}

export const Services = createContext<IServices | null>(null);

export function useServices(): IServices {
  const services = useContext(Services);
  if (!services) {
    throw new Error('The component is not inside of a ChatIDE panel.');
  }
  return services;
}

/** The session whose transcript a component is part of. */
export const Session = createContext<ChatSession | null>(null);

export function useSession(): ChatSession {
  const session = useContext(Session);
  if (!session) {
    throw new Error('The component is not inside of a chat.');
  }
  return session;
}

export function useStore<T extends object>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}

export function useChatIDE<T>(select: (state: IPanelState) => T): T {
  const { store } = useServices().chatide;
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}

/** A part of the session's state; `select` must give the same object while nothing changed. */
export function useSessionState<T>(select: (state: ISessionState) => T): T {
  const { store } = useSession();
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
