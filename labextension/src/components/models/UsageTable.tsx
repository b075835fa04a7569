import React from 'react';
import type { UsageRow } from '../../model/events';
import { rowsByDay } from '../../model/usage';
import { ProviderIcon } from '../ProviderIcon';
import { useServices } from '../services';
import { Cost } from './Cost';
import { Tokens } from './Tokens';

/** Tokens and cost of each model on each day, the newest day first. */
export function UsageTable({ rows }: { rows: readonly UsageRow[] }): JSX.Element {
  const { trans } = useServices();
  return (
    <table className="jp-ChatIDE-usage">
      <caption className="jp-ChatIDE-hidden">{trans.__('Usage by day and model')}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Model')}</th>
          <th scope="col">{trans.__('In')}</th>
          <th scope="col">{trans.__('Out')}</th>
          <th scope="col">{trans.__('Cost')}</th>
        </tr>
      </thead>
      {rowsByDay(rows).map(({ day, rows }) => (
        <tbody key={day}>
          <tr>
            <th scope="rowgroup" colSpan={4}>
              {new Date(`${day}T00:00:00Z`).toLocaleDateString(undefined, {
                ...{ weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' }
              })}
            </th>
          </tr>
          {rows.map(row => (
            <tr key={`${row.provider}/${row.model}`}>
              <td>
                <span className="jp-ChatIDE-usageModel" title={`${row.provider}/${row.model}`}>
                  <ProviderIcon of={row.provider} />
                  <span>
                    {row.model}
                    <small>{row.provider}</small>
                  </span>
                </span>
              </td>
              <td>
                <Tokens count={row.input_tokens} uncounted={row.uncounted} />
              </td>
              <td>
                <Tokens count={row.output_tokens} uncounted={row.uncounted} />
              </td>
              <td>
                <Cost {...row} />
              </td>
            </tr>
          ))}
        </tbody>
      ))}
    </table>
  );
}
