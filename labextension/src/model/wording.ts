/** Amounts as people read them. */

/** Seconds: `0.4 s`, `12 s`, `2 min 5 s`. */
export function seconds(value: number): string {
  if (value < 10 && !Number.isInteger(value)) {
    return `${value.toFixed(1)} s`;
  }
  const whole = Math.round(value);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Bytes: `120 B`, `3.4 kB`, `12 MB`. */
export function fileSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A number of tokens: `950`, `1.2k`, `34k`, `1.2M`. */
export function tokens(count: number): string {
  if (count < 1000) {
    return String(count);
  }
  const [value, unit] = count < 999_500 ? [count / 1000, 'k'] : [count / 1e6, 'M'];
  const short = value < 9.95 ? value.toFixed(1).replace(/\.0$/, '') : String(Math.round(value));
  return `${short}${unit}`;
}

/** US dollars: `$0`, `$0.0021`, `$0.15`, `$12.30`. */
export function dollars(value: number): string {
  if (value === 0) {
    return '$0';
  }
  if (value < 0.000001) {
    return '<$0.000001';
  }
  if (value < 0.1) {
    return `$${Number(value.toPrecision(2)).toFixed(7).replace(/0+$/, '')}`;
  }
  return `$${value.toFixed(2)}`;
}

/** A price of US dollars: as `dollars`, without cents that are none. */
export function price(value: number): string {
  return dollars(value).replace(/\.00$/, '');
}
