export type ParseOptions = {
  /** Default 3. */
  readonly version?: 2 | 3;
  /** As `--enable-feature=promql-experimental-functions`. Default false. */
  readonly experimentalFunctions?: boolean;
  /** What `step()` and `range()` mean in durations; an instant query has neither. */
  readonly times?: { readonly stepMs: number; readonly rangeMs: number };
};
