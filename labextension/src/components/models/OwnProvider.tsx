import React, { useState } from 'react';
import type { ProviderStatus } from '../../model/events';
import { ErrorCard } from '../ErrorCard';
import { useServices } from '../services';
import { useAction } from '../useAction';
import { CustomProviderForm } from './CustomProviderForm';

/** What can be done with a provider that the person added. */
export function OwnProvider({ provider }: { provider: ProviderStatus }): JSX.Element {
  const { chatide, trans } = useServices();
  const [state, setState] = useState<'' | 'editing' | 'removing'>('');
  const { busy, problem, run } = useAction();
  const leave = (): void => setState('');

  const remove = async (): Promise<void> => {
    await chatide.api.deleteProvider(provider.id);
    await chatide.providerChanged(provider.id);
  };

  if (state === 'editing') {
    return <CustomProviderForm provider={provider} onDone={leave} />;
  }
  if (state === 'removing') {
    return (
      <div role="alertdialog" aria-label={provider.label} className="jp-ChatIDE-confirm">
        <p>{trans.__('Remove “%1” and its key?', provider.label)}</p>
        <div className="jp-ChatIDE-buttons">
          <button type="button" className="jp-ChatIDE-button" onClick={leave}>
            {trans.__('Cancel')}
          </button>
          <button
            type="button"
            autoFocus
            className="jp-ChatIDE-button jp-mod-danger"
            disabled={busy !== ''}
            onClick={() => void run('remove', remove)}
          >
            {trans.__('Remove the server')}
          </button>
        </div>
        {problem && <ErrorCard error={{ ...problem, code: 'shown' }} />}
      </div>
    );
  }
  return (
    <div className="jp-ChatIDE-buttons">
      <button type="button" className="jp-ChatIDE-link" onClick={() => setState('editing')}>
        {trans.__('Rename or change…')}
      </button>
      <button type="button" className="jp-ChatIDE-link" onClick={() => setState('removing')}>
        {trans.__('Remove the server…')}
      </button>
    </div>
  );
}
