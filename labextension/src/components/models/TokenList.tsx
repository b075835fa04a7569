import type { TranslationBundle } from '@jupyterlab/translation';
import { Time } from '@jupyterlab/coreutils';
import React, { useState } from 'react';
import { plusIcon } from '../../icons';
import type { EndpointStatus, TokenStatus } from '../../model/events';
import { dollars, tokens } from '../../model/wording';
import { CopyField } from '../CopyField';
import { ErrorCard } from '../ErrorCard';
import { Icon } from '../IconButton';
import { useServices } from '../services';
import { useAction } from '../useAction';
import { TokenForm } from './TokenForm';

/** The tokens that programs come with, and how to make one. */
export function TokenList({ endpoint }: { endpoint: EndpointStatus }): JSX.Element {
  const { trans } = useServices();
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState('');
  return (
    <section className="jp-ChatIDE-group" aria-label={trans.__('Tokens')}>
      <div className="jp-ChatIDE-groupHead">
        <h3>{trans.__('Tokens')}</h3>
        {!adding && !secret && (
          <button type="button" className="jp-ChatIDE-link" onClick={() => setAdding(true)}>
            <Icon icon={plusIcon} />
            {trans.__('Create a token')}
          </button>
        )}
      </div>
      {adding && (
        <TokenForm
          onDone={token => {
            setSecret(token);
            setAdding(false);
          }}
        />
      )}
      {secret && (
        <div className="jp-ChatIDE-card jp-mod-info" role="status">
          <div className="jp-ChatIDE-cardBody">
            <p>{trans.__('Copy the token now: it is not shown again.')}</p>
            <CopyField label={trans.__('the token')} text={secret} />
            <button type="button" className="jp-ChatIDE-button" onClick={() => setSecret('')}>
              {trans.__('Done')}
            </button>
          </div>
        </div>
      )}
      {endpoint.tokens.length > 0 ? (
        <ul className="jp-ChatIDE-providers">
          {endpoint.tokens.map(token => (
            <TokenCard key={token.id} token={token} />
          ))}
        </ul>
      ) : (
        !adding &&
        !secret && (
          <p className="jp-ChatIDE-nothing">
            {trans.__('None yet. Code in a notebook gets its own by itself.')}
          </p>
        )
      )}
    </section>
  );
}

function TokenCard({ token }: { token: TokenStatus }): JSX.Element {
  const { chatide, trans } = useServices();
  const { busy, problem, run, dismiss } = useAction();
  const [asking, setAsking] = useState(false);
  const revoke = async (): Promise<void> => {
    await chatide.api.revokeToken(token.id);
    await chatide.gateway.endpoint.load();
  };
  return (
    <li className="jp-ChatIDE-provider jp-ChatIDE-token">
      <div className="jp-ChatIDE-localHead">
        <strong>{token.label}</strong>
        {asking ? (
          <>
            <button type="button" className="jp-ChatIDE-link" onClick={() => setAsking(false)}>
              {trans.__('Keep it')}
            </button>
            <button
              type="button"
              autoFocus
              className="jp-ChatIDE-button jp-mod-danger"
              disabled={busy !== ''}
              onClick={() => void run('revoke', revoke)}
            >
              {trans.__('Revoke now')}
            </button>
          </>
        ) : (
          <button
            type="button"
            className="jp-ChatIDE-link"
            aria-label={trans.__('Revoke %1', token.label)}
            onClick={() => setAsking(true)}
          >
            {trans.__('Revoke')}
          </button>
        )}
      </div>
      <TokenFacts token={token} />
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} onDismiss={dismiss} />}
    </li>
  );
}

/** Tokens that were spent; about, where some of them are only an estimate. */
function spentTokens(token: TokenStatus, trans: TranslationBundle): string {
  const count = tokens(token.spent_tokens ?? 0);
  return token.estimated_tokens > 0
    ? trans.__('about %1 tokens', count)
    : trans.__('%1 tokens', count);
}

function TokenFacts({ token }: { token: TokenStatus }): JSX.Element {
  const { trans } = useServices();
  const { expires, last_used: used, period } = token;
  const a = period === 'day' ? trans.__('a day') : trans.__('a month');
  const expired = expires !== null && expires * 1000 < Date.now();
  const spent = [
    token.spent_tokens === null ? '' : spentTokens(token, trans),
    token.spent_cost === null ? trans.__('cost unknown') : dollars(token.spent_cost)
  ].filter(Boolean);
  const budget = [
    token.budget_tokens === null ? '' : trans.__('%1 tokens', tokens(token.budget_tokens)),
    token.budget_cost === null ? '' : dollars(token.budget_cost)
  ].filter(Boolean);
  const today = period === 'day' ? trans.__('today') : trans.__('this month');
  const facts = [
    trans.__('Spent %1: %2', today, spent.join(' · ')),
    budget.length ? trans.__('Budget %1: %2', a, budget.join(' · ')) : trans.__('No budget'),
    used === null
      ? trans.__('Not used since the server started')
      : trans.__('Last used %1', Time.formatHuman(new Date(used * 1000)))
  ];
  if (expires !== null) {
    const day = new Date(expires * 1000).toLocaleDateString();
    facts.push(expired ? trans.__('Expired on %1', day) : trans.__('Good until %1', day));
  }
  return (
    <ul className="jp-ChatIDE-tokenFacts">
      {facts.map(fact => (
        <li key={fact}>{fact}</li>
      ))}
    </ul>
  );
}
