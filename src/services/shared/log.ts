export type LogLevel = "info" | "warn" | "error";
export type Log = (
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void;

/** One JSON object a line. */
export const createLog =
  (write: (line: string) => void): Log =>
  (level, message, fields) =>
    write(JSON.stringify({ level, message, ...fields }));

export const silent: Log = () => {};
