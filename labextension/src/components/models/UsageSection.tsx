import React, { useEffect } from 'react';
import { USAGE_DAYS } from '../../model/gateway';
import { totalsOf } from '../../model/usage';
import { useChatIDE, useServices, useStore } from '../services';
import { BudgetBars } from './BudgetBars';
import { ChatUsage } from './ChatUsage';
import { Unread } from './Unread';
import { UsageTable } from './UsageTable';
import { UsageTile } from './UsageTile';

/** Tokens and cost: today, in the last days, by model, and of the open chat. */
export function UsageSection(): JSX.Element {
  const { chatide, trans } = useServices();
  const { usage } = chatide.gateway;
  const remote = useStore(usage.store);
  const session = useChatIDE(state => state.session);
  const { value } = remote;

  useEffect(() => {
    void usage.load();
  }, [usage]);

  const today = new Date().toISOString().slice(0, 10); // days are UTC's
  return (
    <>
      <section className="jp-ChatIDE-group">
        <h3>{trans.__('Tokens and cost')}</h3>
        <p className="jp-ChatIDE-lead">
          {trans.__(
            'As the providers count them and by their listed prices, in US dollars; days are UTC. A provider’s bill may differ.'
          )}
        </p>
        <Unread remote={remote} onRetry={() => void usage.load()} />
        {value && (
          <div className="jp-ChatIDE-tiles">
            <UsageTile
              label={trans.__('Today')}
              totals={totalsOf(value.rows.filter(({ day }) => day === today))}
            />
            <UsageTile label={trans.__('Last %1 days', USAGE_DAYS)} totals={value.totals} />
            {session && <ChatUsage key={session.id} session={session} />}
          </div>
        )}
        {value?.budget && <BudgetBars budget={value.budget} />}
      </section>
      {value && (
        <section className="jp-ChatIDE-group">
          <h3>{trans.__('By day and model')}</h3>
          {value.rows.length > 0 ? (
            <UsageTable rows={value.rows} />
          ) : (
            <p className="jp-ChatIDE-nothing">{trans.__('Nothing was asked yet.')}</p>
          )}
        </section>
      )}
    </>
  );
}
