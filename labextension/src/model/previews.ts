/** Which outputs and files are worth the preview panel. */
import type { IMimeBundle, IOutput } from '@jupyterlab/nbformat';

const PAGE = /\.html?$/i;

/** What the panel shows, besides images; plain text stays under its code. */
const RICH = [
  'text/html',
  'text/markdown',
  'text/latex',
  'application/json',
  'application/geo+json'
];
const RICH_VENDOR = /^application\/vnd\.(vega|vegalite|plotly)\.?.*\+json$/;

/** Whether a workspace file is a page that can be shown. */
export function isPage(path: string): boolean {
  return PAGE.test(path);
}

/** Whether an output is worth a panel of its own. */
export function isRich(output: IOutput): boolean {
  if (output.output_type !== 'display_data' && output.output_type !== 'execute_result') {
    return false;
  }
  const bundle = output.data as IMimeBundle;
  return Object.keys(bundle).some(
    type => type.startsWith('image/') || RICH.includes(type) || RICH_VENDOR.test(type)
  );
}
