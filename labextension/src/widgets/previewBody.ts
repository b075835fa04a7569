import type { IMimeBundle } from '@jupyterlab/nbformat';
import { MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMime, IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import type { IApi } from '../api';
import { explain } from '../api';
import type { Preview } from '../model/chat';
import { attach, detach } from './hosting';

export interface IPreviewBodyOptions {
  chat: string;
  api: IApi;
  rendermime: IRenderMimeRegistry;
  /** What to say where there is nothing to show, or nothing that can be shown. */
  words: { empty: string; unknown: string };
}

/** Shows one preview: an output by Lab's renderers, not trusted, or a page in the server's frame. */
export class PreviewBody extends Widget {
  constructor(private readonly options: IPreviewBodyOptions) {
    super();
    this.addClass('jp-ChatIDE-previewBody');
    this.node.tabIndex = 0;
    this.say(options.words.empty);
  }

  /** Show a preview, or that there is none. What is shown already is left alone. */
  present(preview: Preview | undefined): void {
    if (preview !== this.shown) {
      const same =
        preview?.type === 'page' && this.shown?.type === 'page' && preview.n === this.shown.n;
      this.shown = preview;
      if (!same) {
        void this.reload();
      }
    }
  }

  /** Show it anew; a page is asked for again. */
  async reload(): Promise<void> {
    const preview = this.shown;
    if (!preview) {
      this.say(this.options.words.empty);
    } else if (preview.type === 'page') {
      await this.showPage(preview);
    } else {
      await this.showOutput(preview);
    }
  }

  override dispose(): void {
    this.clear();
    super.dispose();
  }

  private async showOutput(preview: Preview & { type: 'output' }): Promise<void> {
    const { rendermime, words } = this.options;
    const { output } = preview.output;
    const data = output.data as IMimeBundle;
    const metadata = output.metadata as IMimeBundle | undefined;
    const type = rendermime.preferredMimeType(data, 'ensure');
    if (!type) {
      this.say(words.unknown);
      return;
    }
    const renderer = rendermime.createRenderer(type);
    renderer.addClass('jp-ChatIDE-previewOutput');
    renderer.node.dataset.mimeType = type;
    this.clear();
    this.renderer = renderer;
    attach(renderer, this.node);
    try {
      await renderer.renderModel(new MimeModel({ data, metadata, trusted: false }));
    } catch (error) {
      if (this.renderer === renderer) {
        this.say(`${words.unknown} ${explain(error).message}`);
      }
    }
  }

  private async showPage(preview: Preview & { type: 'page' }): Promise<void> {
    const { api, chat } = this.options;
    try {
      const { url } = await api.openPreview(chat, preview.path);
      if (this.shown === preview && !this.isDisposed) {
        const frame = document.createElement('iframe');
        frame.title = preview.path;
        frame.referrerPolicy = 'no-referrer';
        frame.src = api.absoluteUrl(url);
        this.clear();
        this.node.append(frame);
      }
    } catch (error) {
      if (this.shown === preview && !this.isDisposed) {
        const { message, hint } = explain(error);
        this.say(`${message} ${hint}`);
      }
    }
  }

  private say(text: string): void {
    this.clear();
    const line = document.createElement('p');
    line.className = 'jp-ChatIDE-nothing';
    line.textContent = text;
    this.node.append(line);
  }

  private clear(): void {
    if (this.renderer) {
      detach(this.renderer);
      this.renderer = null;
    }
    this.node.replaceChildren();
  }

  private renderer: IRenderMime.IRenderer | null = null;
  private shown: Preview | undefined;
}
