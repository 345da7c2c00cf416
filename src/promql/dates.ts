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
const isLeap = (year: number): boolean => modulo(year, 4) === 0 && (modulo(year, 100) !== 0 || modulo(year, 400) === 0);
const monthLengths = (year: number): readonly number[] => [
  31,
  isLeap(year) ? 29 : 28,
  ...[31, 30, 31, 30, 31, 31, 30, 31, 30, 31],
];

/** Days from 1970-01-01 to the first of January of `year`. */
const daysToYear = (year: number): number => {
  const y = year - 1;
  return 365 * (year - 1970) + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) - 477;
};

/** Fractions of a second are cut off, toward zero. */
export function dateOf(unixSeconds: number): DateFields {
  const seconds = Math.trunc(unixSeconds);
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
