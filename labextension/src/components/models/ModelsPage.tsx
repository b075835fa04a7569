import React, { useEffect, useRef } from 'react';
import { backIcon } from '../../icons';
import type { Section } from '../../model/panelState';
import { IconButton } from '../IconButton';
import { useChatIDE, useServices } from '../services';
import { EndpointSection } from './EndpointSection';
import { FallbackSection } from './FallbackSection';
import { LocalSection } from './LocalSection';
import { ProvidersSection } from './ProvidersSection';
import { UsageSection } from './UsageSection';

const SECTIONS: Record<Section, () => JSX.Element> = {
  providers: ProvidersSection,
  fallback: FallbackSection,
  local: LocalSection,
  endpoint: EndpointSection,
  usage: UsageSection
};

/** Where models are connected, and all that is said of them. */
export function ModelsPage(): JSX.Element {
  const { chatide, trans } = useServices();
  const section = useChatIDE(state => state.section);
  const Shown = SECTIONS[section];

  return (
    <div
      className="jp-ChatIDE-page"
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          chatide.backToChat();
        }
      }}
    >
      <div className="jp-ChatIDE-header">
        <IconButton
          autoFocus
          icon={backIcon}
          label={trans.__('Back to the chat')}
          onClick={() => chatide.backToChat()}
        />
        <h2 className="jp-ChatIDE-pageTitle">{trans.__('Models and keys')}</h2>
      </div>
      <Tabs />
      <div
        key={section}
        id="jp-ChatIDE-section"
        className="jp-ChatIDE-pageBody"
        role="tabpanel"
        aria-labelledby={`jp-ChatIDE-tab-${section}`}
      >
        <Shown />
      </div>
    </div>
  );
}

function Tabs(): JSX.Element {
  const { chatide, trans } = useServices();
  const section = useChatIDE(state => state.section);
  const list = useRef<HTMLDivElement>(null);
  const labels: Record<Section, string> = {
    providers: trans.__('Providers'),
    fallback: trans.__('Fallback'),
    local: trans.__('Local'),
    endpoint: trans.__('Endpoint'),
    usage: trans.__('Usage')
  };
  const sections = Object.keys(labels) as Section[];

  useEffect(() => {
    list.current
      ?.querySelector('[aria-selected="true"]')
      ?.scrollIntoView?.({ block: 'nearest', inline: 'nearest' });
  }, [section]);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const { length } = sections;
      const next = sections[(sections.indexOf(section) + step + length) % length];
      chatide.connect('', next);
      list.current?.querySelector<HTMLElement>(`#jp-ChatIDE-tab-${next}`)?.focus();
    }
  };

  return (
    <div
      ref={list}
      className="jp-ChatIDE-tabs"
      role="tablist"
      aria-label={trans.__('Models and keys')}
      onKeyDown={onKeyDown}
    >
      {sections.map(id => (
        <button
          key={id}
          id={`jp-ChatIDE-tab-${id}`}
          type="button"
          role="tab"
          aria-selected={id === section}
          aria-controls="jp-ChatIDE-section"
          tabIndex={id === section ? 0 : -1}
          onClick={() => chatide.connect('', id)}
        >
          {labels[id]}
        </button>
      ))}
    </div>
  );
}
