import type { IRenderMime, IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IApi } from '../api';
import { withoutRemoteContent } from './remoteContent';
import { svgFactory } from './svgImage';

const ELSEWHERE = /^([a-z][a-z0-9+.-]*:|\/|#)/i;

/** Images among a workspace's files: the server sends every file as a download, without a type. */
const IMAGES: Record<string, string> = {
  gif: 'image/gif',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  png: 'image/png',
  svg: 'image/svg+xml',
  webp: 'image/webp'
};

/**
 * Lab's renderers for what a chat shows: relative links lead into the chat's workspace, and
 * nothing is loaded from elsewhere.
 *
 * @param chat - The id of the chat whose output is rendered, if one is open.
 */
export function chatRendermime(
  lab: IRenderMimeRegistry,
  api: IApi,
  chat: () => string | undefined
): IRenderMimeRegistry {
  const resolver: IRenderMime.IResolver = {
    isLocal: url => !ELSEWHERE.test(url),
    resolveUrl: async url => url,
    getDownloadUrl: async url => {
      const id = chat();
      if (!id) {
        return url;
      }
      const path = decodeURIComponent(url);
      const type = IMAGES[path.split('.').pop()?.toLowerCase() ?? ''];
      return type ? dataUrl(new Blob([await api.file(id, path)], { type })) : api.fileUrl(id, path);
    }
  };
  const rendermime = lab.clone({ resolver, sanitizer: withoutRemoteContent(lab.sanitizer) });
  rendermime.addFactory(svgFactory);
  for (const type of rendermime.mimeTypes.filter(type => type.startsWith('image/'))) {
    rendermime.addFactory(described(rendermime.getFactory(type)!, type));
  }
  return rendermime;
}

/** A factory whose images say what they are, in the words that the output has for itself. */
function described(
  factory: IRenderMime.IRendererFactory,
  type: string
): IRenderMime.IRendererFactory {
  return {
    ...factory,
    mimeTypes: [type],
    createRenderer: options => {
      const renderer = factory.createRenderer(options);
      const render = renderer.renderModel.bind(renderer);
      renderer.renderModel = async model => {
        await render(model);
        const text = model.data['text/plain'];
        for (const image of renderer.node.querySelectorAll('img')) {
          image.alt ||= String(text ?? type);
        }
      };
      return renderer;
    }
  };
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
