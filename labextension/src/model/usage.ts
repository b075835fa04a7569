/** Sums over what was used. */
import type { UsageRow, UsageTotals } from './events';

/** The rows' sum. Its cost is null where none of it is known. */
export function totalsOf(rows: readonly UsageRow[]): UsageTotals {
  const sum = (pick: (row: UsageRow) => number): number =>
    rows.reduce((total, row) => total + pick(row), 0);
  const priced = rows.filter(({ cost }) => cost !== null);
  return {
    requests: sum(row => row.requests),
    input_tokens: sum(row => row.input_tokens),
    output_tokens: sum(row => row.output_tokens),
    cost: priced.length > 0 ? priced.reduce((total, { cost }) => total + cost!, 0) : null,
    unknown: sum(row => row.unknown)
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
