import type { IRenderMime } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';

const SVG = 'image/svg+xml';

/** SVG as an image: in one, no script runs and nothing is fetched, so it need not be trusted. */
class SvgImage extends Widget implements IRenderMime.IRenderer {
  constructor() {
    super();
    this.addClass('jp-RenderedImage');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const source = model.data[SVG];
    const text = Array.isArray(source) ? source.join('') : String(source);
    const image = document.createElement('img');
    image.src = `data:${SVG};utf8,${encodeURIComponent(text)}`;
    this.node.replaceChildren(image);
  }
}

export const svgFactory: IRenderMime.IRendererFactory = {
  safe: true,
  mimeTypes: [SVG],
  defaultRank: 80,
  createRenderer: () => new SvgImage()
};
