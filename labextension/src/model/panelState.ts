/** What the panel shows at a moment, what a person sets, and what is remembered of it. */
import type { ChatInfo, ErrorInfo, KeyPlace, Mode, ProviderStatus, SandboxReport } from './events';
import type { ChatSession } from './session';

export type Page = 'chat' | 'models';

/** The parts of the models page. */
export type Section = 'providers' | 'fallback' | 'local' | 'endpoint' | 'usage';

/** Whom the model picker is opened for, where it is not for the next prompt. */
export interface IModelRequest {
  readonly label: string;
  readonly onPick: (model: string) => void;
}

export interface IPanelState {
  /** What the last visit left is known: there is something to show. */
  readonly started: boolean;
  readonly page: Page;
  readonly section: Section;
  /** The provider that the models page shows opened, if one is asked for. */
  readonly provider: string;
  readonly providers: readonly ProviderStatus[];
  readonly defaultModel: string;
  /** Where a key can be kept here, the default first. */
  readonly keyPlaces: readonly KeyPlace[];
  /** Whether the providers were read, or why not. */
  readonly readiness: 'loading' | 'ready' | ErrorInfo;
  readonly chats: readonly ChatInfo[];
  readonly sandbox: SandboxReport | null;
  /** The open chat; none before the first prompt of a new one. */
  readonly session: ChatSession | null;
  /** The model that the person picked, as `provider/model`; empty for the default. */
  readonly model: string;
  readonly mode: Mode;
  readonly draft: string;
  readonly sending: boolean;
  readonly problem: ErrorInfo | null;
}

/** The person's settings, as Lab's settings editor shows them. */
export interface ISettings {
  readonly enterSends: boolean;
  readonly defaultMode: Mode;
  /** Open the preview panel when there is something new to see. */
  readonly openPreview: boolean;
}

export const DEFAULT_SETTINGS: ISettings = {
  enterSends: true,
  defaultMode: 'build',
  openPreview: true
};

/** What is remembered between page loads. */
export interface IMemory {
  chat?: string;
  model?: string;
  drafts?: Record<string, string>;
}

/** Before anything is known. */
export const NOTHING_KNOWN: IPanelState = {
  started: false,
  page: 'chat',
  section: 'providers',
  provider: '',
  providers: [],
  defaultModel: '',
  keyPlaces: [],
  readiness: 'loading',
  chats: [],
  sandbox: null,
  session: null,
  model: '',
  mode: 'build',
  draft: '',
  sending: false,
  problem: null
};
