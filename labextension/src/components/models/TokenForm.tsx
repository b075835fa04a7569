import React, { useState } from 'react';
import { ErrorCard } from '../ErrorCard';
import { useServices } from '../services';
import { useAction } from '../useAction';

type Period = 'day' | 'month';

/** A new token: for which program, with what budget, for how long. */
export function TokenForm({ onDone }: { onDone: (token: string) => void }): JSX.Element {
  const { chatide, trans } = useServices();
  const [label, setLabel] = useState('');
  const [cost, setCost] = useState('');
  const [count, setCount] = useState('');
  const [period, setPeriod] = useState<Period>('day');
  const [days, setDays] = useState('30');
  const { busy, problem, run } = useAction();

  const create = async (): Promise<void> => {
    const { token } = await chatide.api.createToken({
      label: label.trim(),
      budget_cost: numberOf(cost),
      budget_tokens: numberOf(count),
      period,
      days: numberOf(days)
    });
    onDone(token);
    await chatide.gateway.endpoint.load();
  };

  return (
    <form
      className="jp-ChatIDE-form jp-ChatIDE-box"
      onSubmit={event => {
        event.preventDefault();
        void run('create', create);
      }}
    >
      <label>
        <span>{trans.__('Which program is it for?')}</span>
        <input
          autoFocus
          required
          maxLength={80}
          value={label}
          onChange={event => setLabel(event.target.value)}
        />
      </label>
      <div className="jp-ChatIDE-fields">
        <label>
          <span>{trans.__('Budget in US dollars')}</span>
          <input
            type="number"
            min={0}
            step="any"
            placeholder={trans.__('no limit')}
            value={cost}
            onChange={event => setCost(event.target.value)}
          />
        </label>
        <label>
          <span>{trans.__('Budget in tokens')}</span>
          <input
            type="number"
            min={0}
            step={1}
            placeholder={trans.__('no limit')}
            value={count}
            onChange={event => setCount(event.target.value)}
          />
        </label>
        <label>
          <span>{trans.__('Budget for each')}</span>
          <select value={period} onChange={event => setPeriod(event.target.value as Period)}>
            <option value="day">{trans.__('Day')}</option>
            <option value="month">{trans.__('Month')}</option>
          </select>
        </label>
        <label>
          <span>{trans.__('Good for days')}</span>
          <input
            type="number"
            min={1}
            step={1}
            placeholder={trans.__('until revoked')}
            value={days}
            onChange={event => setDays(event.target.value)}
          />
        </label>
      </div>
      {problem && <ErrorCard error={{ ...problem, code: 'shown' }} />}
      <div className="jp-ChatIDE-buttons">
        <button
          type="submit"
          className="jp-ChatIDE-button jp-mod-primary"
          disabled={busy !== '' || !label.trim()}
        >
          {busy ? trans.__('Creating…') : trans.__('Create')}
        </button>
        <button type="button" className="jp-ChatIDE-button" onClick={() => onDone('')}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}

function numberOf(text: string): number | null {
  return text.trim() ? Number(text) : null;
}
