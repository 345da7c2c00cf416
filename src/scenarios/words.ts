/** Numbers as a person reads them. */
export const counted = (count: number, thing: string): string =>
  `${grouped(count)} ${thing}${count === 1 ? "" : "s"}`;

/** 1234567 → 1,234,567. Loading a locale to say so takes longer than judging a scenario. */
const grouped = (count: number): string => String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");

/** At most `digits` decimals, none that are zero. */
export const rounded = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits;

export const seconds = (us: number): number => rounded(us / 1e6);

export const percent = (part: number, whole: number): number => {
  const exact = (part / whole) * 100;
  // 99.97 % must not read as 100 %.
  return part === whole ? 100 : Math.min(rounded(exact, 1), 99.9);
};
