/** Functions of one number: those that are applied to each sample of a vector. */
import { dateOf } from "./dates.ts";

const date =
  (field: keyof ReturnType<typeof dateOf>) =>
  (value: number): number =>
    dateOf(value)[field];

/** Applied to a vector's values; without an argument, to the time of the evaluation. */
export const dateFunctions: ReadonlyMap<string, (unixSeconds: number) => number> = new Map([
  ["days_in_month", date("daysInMonth")],
  ["day_of_month", date("day")],
  ["day_of_week", date("dayOfWeek")],
  ["day_of_year", date("dayOfYear")],
  ["hour", date("hour")],
  ["minute", date("minute")],
  ["month", date("month")],
  ["year", date("year")],
]);

export const mathFunctions: ReadonlyMap<string, (value: number) => number> = new Map([
  ["abs", Math.abs],
  ["acos", Math.acos],
  ["acosh", Math.acosh],
  ["asin", Math.asin],
  ["asinh", Math.asinh],
  ["atan", Math.atan],
  ["atanh", Math.atanh],
  ["ceil", Math.ceil],
  ["cos", Math.cos],
  ["cosh", Math.cosh],
  ["deg", (value) => value * (180 / Math.PI)],
  ["exp", Math.exp],
  ["floor", Math.floor],
  ["ln", Math.log],
  ["log10", Math.log10],
  ["log2", Math.log2],
  ["rad", (value) => value * (Math.PI / 180)],
  ["sgn", Math.sign],
  ["sin", Math.sin],
  ["sinh", Math.sinh],
  ["sqrt", Math.sqrt],
  ["tan", Math.tan],
  ["tanh", Math.tanh],
]);
