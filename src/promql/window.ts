/** The samples of one series in a window: never empty, ascending, without staleness markers. */
export type Window = {
  readonly times: readonly number[];
  readonly values: readonly number[];
  /** The window asked about: (`startMs`, `endMs`], moved by `offset` and `@`. */
  readonly startMs: number;
  readonly endMs: number;
  /** The instant of the evaluation, which offsets do not move. */
  readonly tMs: number;
  readonly version: 2 | 3;
};
