/** What the panel shows and does: the open chat, the providers, the person's choices. */
import { UUID } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IApi } from '../api';
import { explain } from '../api';
import { ModelCatalog } from './catalog';
import { Checks } from './checks';
import type { Mode, ResumeTurn } from './events';
import { GatewayModel } from './gateway';
import { chosenModel } from './models';
import { DEFAULT_SETTINGS, NOTHING_KNOWN } from './panelState';
import type { IMemory, IModelRequest, IPanelState, ISettings, Section } from './panelState';
import { ChatSession } from './session';
import type { OpenStream } from './session';
import { Store } from './store';

export interface IChatIDEOptions {
  api: IApi;
  openStream: OpenStream;
  remember?: (memory: IMemory) => void;
}

const NEW = ''; // the key of a new chat's draft
const MOST_DRAFTS = 50;

export class ChatIDE {
  constructor(private readonly options: IChatIDEOptions) {
    this.api = options.api;
    this.catalog = new ModelCatalog(options.api);
    this.gateway = new GatewayModel(options.api);
  }

  readonly api: IApi;
  readonly catalog: ModelCatalog;
  readonly gateway: GatewayModel;
  readonly checks = new Checks();
  readonly settings = new Store<ISettings>(DEFAULT_SETTINGS);

  readonly store = new Store<IPanelState>(NOTHING_KNOWN);

  /** The composer is asked to take the focus. */
  get focusRequested(): ISignal<this, void> {
    return this._focusRequested;
  }

  /** The composer is asked to open the model picker; for the next prompt where nothing is told. */
  get modelRequested(): ISignal<this, IModelRequest | null> {
    return this._modelRequested;
  }

  /** The preview panel is asked to show one preview, by its key. */
  get previewRequested(): ISignal<this, string> {
    return this._previewRequested;
  }

  get session(): ChatSession | null {
    return this.store.get().session;
  }

  /** Read what the server has, and open the chat that was open before. */
  async start(memory: IMemory = {}): Promise<void> {
    this.drafts = { ...memory.drafts };
    this.chat = memory.chat ?? NEW;
    this.store.set({
      model: memory.model ?? '',
      mode: this.settings.get().defaultMode,
      draft: this.drafts[NEW] ?? ''
    });
    if (memory.chat) {
      void this.reopen(memory.chat);
    }
    this.store.set({ started: true });
    await Promise.all([this.refreshProviders(), this.refreshChats(), this.refreshSandbox()]);
    // The page may have been reloaded before Lab had saved which chat it showed.
    const running = this.store.get().chats.filter(chat => chat.running);
    if (!memory.chat && !this.session && running.length === 1) {
      await this.reopen(running[0].id);
    }
  }

  async refreshProviders(): Promise<void> {
    try {
      const list = await this.api.providers();
      this.store.set({
        providers: list.providers,
        defaultModel: list.default_model,
        keyPlaces: list.key_places,
        readiness: 'ready'
      });
    } catch (error) {
      this.store.set({ readiness: explain(error) });
    }
  }

  /** A provider's key, address or options have changed: what was known of it holds no more. */
  async providerChanged(id: string): Promise<void> {
    this.catalog.forget(id);
    this.checks.forget(id);
    await this.refreshProviders();
  }

  async refreshChats(): Promise<void> {
    try {
      this.store.set({ chats: await this.api.chats() });
    } catch (error) {
      console.warn('The chats could not be listed.', error);
    }
  }

  async refreshSandbox(): Promise<void> {
    try {
      this.store.set({ sandbox: await this.api.sandbox() });
    } catch (error) {
      console.warn('The sandbox report could not be read.', error);
    }
  }

  /** Open a chat of the list; nothing in it runs again. */
  async open(id: string): Promise<void> {
    if (this.session?.id !== id) {
      await this.show(this.track(new ChatSession(id, this.api, this.options.openStream)));
    }
    this.store.set({ page: 'chat' });
  }

  /** An empty chat. It is made on the server when its first prompt is sent. */
  newChat(): void {
    void this.show(null);
    this.store.set({ page: 'chat', mode: this.settings.get().defaultMode });
    this.focus();
  }

  /** Ask the composer to take the focus. */
  focus(): void {
    // The composer may only now be on its way to the page.
    setTimeout(() => this._focusRequested.emit(), 0);
  }

  /** Open the page on which models are connected, at one provider or one section if given. */
  connect(provider = '', section: Section = 'providers'): void {
    this.store.set({ page: 'models', provider, section });
  }

  backToChat(): void {
    this.store.set({ page: 'chat', provider: '' });
  }

  /** Ask the composer to open the model picker; for the next prompt unless told otherwise. */
  askForModel(request: IModelRequest | null = null): void {
    setTimeout(() => this._modelRequested.emit(request), 0);
  }

  /** Show a preview in its panel, by its key. */
  preview(key: string): void {
    this._previewRequested.emit(key);
  }

  setDraft(draft: string): void {
    this.store.set({ draft });
    this.remember();
  }

  setModel(model: string): void {
    this.store.set({ model, problem: null });
    this.remember();
  }

  /** Have a model answer where nobody picked one; an empty name leaves it to the server. */
  async setDefaultModel(model: string): Promise<void> {
    const change = { default_model: model };
    this.gateway.preferences.set(await this.api.changePreferences(change));
    await this.refreshProviders();
  }

  setMode(mode: Mode): void {
    this.store.set({ mode });
  }

  dismissProblem(): void {
    this.store.set({ problem: null });
  }

  /** Do again what the problem is about. */
  async retry(): Promise<void> {
    await this.again();
  }

  /**
   * Ask. The prompt stays in the composer until the server has it.
   *
   * @param prompt - What to ask; the draft unless given.
   * @param model - Whom to ask, as `provider/model`; the picked model unless given.
   */
  async send(
    prompt = this.store.get().draft,
    model = chosenModel(this.store.get())
  ): Promise<void> {
    const { sending, mode } = this.store.get();
    if (!prompt.trim() || sending || this.session?.busy) {
      return;
    }
    this.store.set({ sending: true, problem: null });
    // The same prompt sent again after an error is the same turn, should the server have it.
    const key = this.unsent?.prompt === prompt ? this.unsent.key : UUID.uuid4();
    this.unsent = { prompt, key };
    let { session } = this;
    try {
      session ??= await this.create();
      await this.api.startTurn(session.id, { prompt, model, mode, key });
      this.unsent = null;
      if (this.session === session && this.store.get().draft === prompt) {
        this.setDraft('');
      } else if (this.session !== session && this.drafts[session.id] === prompt) {
        delete this.drafts[session.id];
        this.remember();
      }
      void this.refreshChats();
    } catch (error) {
      if (this.session !== session) {
        // The person went on to another chat: the prompt waits in its own.
        this.drafts[session?.id ?? NEW] ||= prompt;
        this.remember();
        return;
      }
      const draft = this.store.get().draft || prompt;
      this.again = draft === prompt ? () => this.send() : () => this.send(prompt, model);
      this.store.set({ problem: explain(error), draft });
    } finally {
      this.store.set({ sending: false });
    }
  }

  /**
   * Have the last turn go on, where it ended early.
   *
   * @param model - Whom to ask, as `provider/model`; whom the turn asked unless given.
   */
  async resume(turn: string, how: ResumeTurn['how'], model = ''): Promise<void> {
    const { session } = this;
    if (!session || this.store.get().sending || session.busy) {
      return;
    }
    this.store.set({ sending: true });
    await this.attempt(
      async () => {
        await this.api.resumeTurn(session.id, turn, model ? { how, model } : { how });
        if (this.session === session) {
          this.focus(); // the button that was pressed goes away
        }
      },
      () => this.resume(turn, how, model)
    );
    this.store.set({ sending: false });
  }

  async stop(): Promise<void> {
    await this.attempt(
      async () => this.session?.stop(),
      () => this.stop()
    );
  }

  /** Run an action's code again, or for the first time. */
  async run(action: string): Promise<void> {
    const { session } = this;
    if (session) {
      await this.attempt(
        () => this.api.run(session.id, action),
        () => this.run(action)
      );
    }
  }

  async rename(id: string, title: string): Promise<void> {
    await this.attempt(
      () => this.api.changeChat(id, { title }),
      () => this.rename(id, title)
    );
    await this.refreshChats();
  }

  async delete(id: string): Promise<void> {
    await this.attempt(
      async () => {
        await this.api.deleteChat(id);
        delete this.drafts[id];
        if (this.session?.id === id) {
          await this.show(null);
        }
      },
      () => this.delete(id)
    );
    await this.refreshChats();
  }

  /** Open the chat of the last visit; one that was deleted since is no news. */
  private async reopen(id: string): Promise<void> {
    await this.open(id);
    const { session } = this;
    if (session?.id === id && session.store.get().status === 'gone') {
      await this.show(null);
    }
  }

  private async create(): Promise<ChatSession> {
    const { id } = await this.api.createChat();
    const session = this.track(new ChatSession(id, this.api, this.options.openStream));
    const { draft } = this.store.get();
    delete this.drafts[NEW];
    await this.show(session, true);
    this.setDraft(draft);
    return session;
  }

  private async show(session: ChatSession | null, fresh = false): Promise<void> {
    this.session?.dispose();
    this.chat = session?.id ?? NEW;
    this.store.set({
      session,
      problem: null,
      draft: this.drafts[this.chat] ?? ''
    });
    this.remember();
    await session?.open(fresh);
  }

  /** Keep the list of chats true to what this chat's events say. */
  private track(session: ChatSession): ChatSession {
    session.changed.connect((_, events) => {
      if (events.some(({ type }) => type === 'turn_finished' || type === 'chat_renamed')) {
        void this.refreshChats();
      }
    });
    return session;
  }

  private async attempt(action: () => Promise<unknown>, again: () => Promise<void>): Promise<void> {
    this.store.set({ problem: null });
    try {
      await action();
    } catch (error) {
      this.again = again;
      this.store.set({ problem: explain(error) });
    }
  }

  private remember(): void {
    const { model, draft } = this.store.get();
    delete this.drafts[this.chat];
    if (draft) {
      this.drafts[this.chat] = draft;
    }
    const drafts = Object.fromEntries(Object.entries(this.drafts).slice(-MOST_DRAFTS));
    this.options.remember?.({ chat: this.chat, model, drafts });
  }

  private readonly _focusRequested = new Signal<this, void>(this);
  private readonly _modelRequested = new Signal<this, IModelRequest | null>(this);
  private readonly _previewRequested = new Signal<this, string>(this);
  private chat = NEW;
  private drafts: Record<string, string> = {};
  private again: () => Promise<void> = async () => undefined;
  private unsent: { prompt: string; key: string } | null = null;
}
