import React from 'react';
import { providerOf } from '../model/models';
import { useChatIDE } from './services';

/** The icon of a provider, or of the provider of a model. As an image, an SVG cannot act. */
export function ProviderIcon({ of: name }: { of: string }): JSX.Element {
  const svg = useChatIDE(({ providers }) => providerOf(name, providers)?.icon ?? '');
  return (
    <span className="jp-ChatIDE-providerIcon">
      {svg && <img alt="" src={`data:image/svg+xml;utf8,${encodeURIComponent(svg)}`} />}
    </span>
  );
}
