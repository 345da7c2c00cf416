/** What the HTTP API calls the kind of a failed query. */
export type PromqlErrorType = "bad_data" | "execution" | "timeout" | "canceled";

/** A query that cannot be parsed (`bad_data`) or answered (`execution`), in Prometheus' words. */
export class PromqlError extends Error {
  readonly errorType: PromqlErrorType;

  constructor(errorType: PromqlErrorType, message: string) {
    super(message);
    this.name = "PromqlError";
    this.errorType = errorType;
  }
}

export const executionError = (message: string): PromqlError => new PromqlError("execution", message);
