import React, { useEffect } from 'react';
import type { EndpointStatus } from '../../model/events';
import { CopyField } from '../CopyField';
import { ErrorCard } from '../ErrorCard';
import { useServices, useStore } from '../services';
import { useAction } from '../useAction';
import { TokenList } from './TokenList';
import { Unread } from './Unread';

const SNIPPET = 'import jupyter_chatide\nclient = jupyter_chatide.openai_client()';

/** The gateway for other programs, in OpenAI's format, and the tokens that open it. */
export function EndpointSection(): JSX.Element {
  const { chatide, trans } = useServices();
  const { endpoint } = chatide.gateway;
  const remote = useStore(endpoint.store);
  const { value } = remote;

  useEffect(() => {
    void endpoint.load();
  }, [endpoint]);

  return (
    <>
      <section className="jp-ChatIDE-group">
        <h3>{trans.__('OpenAI-compatible endpoint')}</h3>
        <p className="jp-ChatIDE-lead">
          {trans.__(
            'Any program that speaks OpenAI’s format can ask the models connected here, without seeing a key: with a token of its own, a budget, and a way to revoke it.'
          )}
        </p>
        <Unread remote={remote} onRetry={() => void endpoint.load()} />
        {value && <Switch value={value} />}
        {value?.enabled && (
          <>
            <h4>{trans.__('Address')}</h4>
            <CopyField label={trans.__('the address')} text={absolute(value.url)} />
            <h4>{trans.__('In a notebook')}</h4>
            <CopyField label={trans.__('the code')} text={SNIPPET} lines />
          </>
        )}
      </section>
      {value?.allowed && <TokenList endpoint={value} />}
    </>
  );
}

/** The address as the browser reaches it: the server may stand behind a proxy. */
function absolute(url: string): string {
  return new URL(url, location.href).href;
}

function Switch({ value }: { value: EndpointStatus }): JSX.Element {
  const { chatide, trans } = useServices();
  const { busy, problem, run, dismiss } = useAction();
  const { allowed, enabled } = value;
  // It shows at once where it is going.
  const shown = allowed && (busy ? !enabled : enabled);
  const toggle = async (): Promise<void> => {
    chatide.gateway.endpoint.set(await chatide.api.switchEndpoint(!enabled));
  };
  return (
    <>
      <label className="jp-ChatIDE-switch">
        <input
          type="checkbox"
          role="switch"
          checked={shown}
          disabled={!allowed || busy !== ''}
          onChange={() => void run('toggle', toggle)}
        />
        <span>{shown ? trans.__('Switched on') : trans.__('Switched off')}</span>
      </label>
      {!allowed && (
        <p className="jp-ChatIDE-nothing">
          {trans.__('The administrator of this server does not allow it.')}
        </p>
      )}
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} onDismiss={dismiss} />}
    </>
  );
}
