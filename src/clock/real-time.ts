/** Real time, for what is never scaled: how long the machine itself took. */

/** Monotonic, in milliseconds since some fixed instant. */
export const realMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** The wall clock's date, in milliseconds. */
export const realUnixMs = (): number => Date.now();
