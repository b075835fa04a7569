/** Sums over what was used. */
import type { UsageRow, UsageTotals } from './events';

/** The rows' sum. Tokens and cost are null where none of them are known. */
export function totalsOf(rows: readonly UsageRow[]): UsageTotals {
  const sum = (pick: (row: UsageRow) => number): number =>
    rows.reduce((total, row) => total + pick(row), 0);
  const known = (pick: (row: UsageRow) => number | null): number | null => {
    const numbers = rows.map(pick).filter(number => number !== null);
    return numbers.length > 0 ? numbers.reduce((total, number) => total + number, 0) : null;
  };
  return {
    requests: sum(row => row.requests),
    input_tokens: rows.length > 0 ? known(row => row.input_tokens) : 0,
    output_tokens: rows.length > 0 ? known(row => row.output_tokens) : 0,
    cost: known(row => row.cost),
    unknown: sum(row => row.unknown),
    uncounted: sum(row => row.uncounted)
  };
}

/** The rows by day, in the order in which they come. */
export function rowsByDay(rows: readonly UsageRow[]): { day: string; rows: UsageRow[] }[] {
  const days = new Map<string, UsageRow[]>();
  for (const row of rows) {
    days.set(row.day, [...(days.get(row.day) ?? []), row]);
  }
  return [...days].map(([day, rows]) => ({ day, rows }));
}
