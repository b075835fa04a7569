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
