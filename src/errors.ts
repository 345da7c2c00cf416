/** A mistake in what the user gave us: one message for each thing wrong, no stack trace, exit code 2. */
export class InputError extends Error {
  readonly problems: readonly string[];

  /** Each problem says what was wanted, what was found, where (`file:line`) and what to do. */
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "InputError";
    this.problems = problems;
  }
}

/** The environment lacks something that the user asked for: exit code 3. */
export class EnvironmentError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "EnvironmentError";
  }
}
