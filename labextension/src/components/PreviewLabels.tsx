import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { Preview } from '../model/chat';
import type { Previewing } from '../model/previewing';
import { useStore } from './services';

export interface IPreviewLabelProps {
  previewing: Previewing;
  trans: TranslationBundle;
}

/** Which one of how many is shown. */
export function PreviewPlace({ previewing, trans }: IPreviewLabelProps): JSX.Element {
  const { previews } = useStore(previewing.store);
  const { index } = previewing;
  return (
    <span className="jp-ChatIDE-place" aria-live="polite">
      {previews.length ? trans.__('%1 of %2', index + 1, previews.length) : ''}
    </span>
  );
}

/** What is shown. */
export function PreviewName({ previewing, trans }: IPreviewLabelProps): JSX.Element {
  useStore(previewing.store);
  const name = nameOf(previewing.current, trans);
  return (
    <span className="jp-ChatIDE-previewName" title={name}>
      {name}
    </span>
  );
}

function nameOf(preview: Preview | undefined, trans: TranslationBundle): string {
  if (!preview) {
    return '';
  }
  if (preview.type === 'page') {
    return preview.path;
  }
  const types = Object.keys((preview.output.output.data ?? {}) as object);
  const has = (pattern: RegExp): boolean => types.some(type => pattern.test(type));
  if (has(/^image\//)) {
    return trans.__('Image');
  }
  if (has(/vega|plotly/)) {
    return trans.__('Chart');
  }
  if (has(/latex/)) {
    return trans.__('Formula');
  }
  if (has(/markdown/)) {
    return trans.__('Text');
  }
  return has(/html/) ? trans.__('Table') : trans.__('Data');
}
