import { PromqlError } from "../promql/errors.ts";

/** A request that the API refuses. */
export class ApiError extends Error {
  readonly errorType: string;
  readonly httpStatus: number;

  constructor(httpStatus: number, errorType: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.httpStatus = httpStatus;
    this.errorType = errorType;
  }
}

const statusOf: Readonly<Record<string, number>> = {
  bad_data: 400,
  execution: 422,
  canceled: 499,
  timeout: 503,
};

/** What a failed query looks like over HTTP: one that cannot be read is a bad parameter. */
export const apiErrorOf = (problem: PromqlError): ApiError =>
  new ApiError(
    statusOf[problem.errorType] ?? 500,
    problem.errorType,
    problem.errorType === "bad_data" ? `invalid parameter "query": ${problem.message}` : problem.message,
  );

export const badData = (message: string): ApiError => new ApiError(400, "bad_data", message);
export const invalidParameter = (name: string, message: string): ApiError =>
  badData(`invalid parameter "${name}": ${message}`);
