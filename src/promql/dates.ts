/** Date fields of unix seconds in UTC, by arithmetic on days since 1970-01-01. */
export type DateFields = {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  /** 1 to 366. */
  readonly dayOfYear: number;
  /** 0 is Sunday. */
  readonly dayOfWeek: number;
  readonly hour: number;
  readonly minute: number;
  readonly daysInMonth: number;
};

const DAY_SECONDS = 86_400;
const modulo = (value: number, by: number): number => ((value % by) + by) % by;
const isLeap = (year: number): boolean =>
  modulo(year, 4) === 0 && (modulo(year, 100) !== 0 || modulo(year, 400) === 0);
const lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const monthLengths = (year: number): readonly number[] => (isLeap(year) ? lengths.with(1, 29) : lengths);

/** Days from 1970-01-01 to the first of January of `year`. */
const daysToYear = (year: number): number => {
  const y = year - 1;
  return 365 * (year - 1970) + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) - 477;
};

/** Fractions of a second are cut off, toward zero; what is no 64-bit number of seconds counts as 2⁶³, as in Go. */
export function dateOf(unixSeconds: number): DateFields {
  const seconds = Math.abs(unixSeconds) < 2 ** 63 ? Math.trunc(unixSeconds) : 2 ** 63;
  const days = Math.floor(seconds / DAY_SECONDS);
  const inDay = modulo(seconds, DAY_SECONDS);
  let year = 1970 + Math.floor(days / 365.2425);
  while (daysToYear(year) > days) year--;
  while (daysToYear(year + 1) <= days) year++;
  const ofYear = days - daysToYear(year);
  const lengths = monthLengths(year);
  let month = 0;
  let day = ofYear;
  while (day >= (lengths[month] ?? Infinity)) day -= lengths[month++] ?? 0;
  return {
    year,
    month: month + 1,
    day: day + 1,
    dayOfYear: ofYear + 1,
    dayOfWeek: modulo(days + 4, 7),
    hour: Math.floor(inDay / 3600),
    minute: Math.floor((inDay % 3600) / 60),
    daysInMonth: lengths[month] ?? NaN,
  };
}

/** Unix milliseconds as `2026-11-23T22:00:00.5Z`: no more decimals than there are. */
export function rfc3339Of(tMs: number): string {
  const { year, month, day, hour, minute } = dateOf(Math.floor(tMs / 1000));
  const pad = (value: number, digits = 2): string => String(value).padStart(digits, "0");
  const second = modulo(Math.floor(tMs / 1000), 60);
  const fraction = modulo(Math.trunc(tMs), 1000);
  const decimals = fraction === 0 ? "" : `.${pad(fraction, 3).replace(/0+$/, "")}`;
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}${decimals}Z`;
}
