/** What a command may know of the world: handed in, so that tests walk in by the same door. */
export type Host = {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly readStdin: () => Promise<string>;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly interrupted: AbortSignal;
  /** Where the package's own `k8s/` and `scenarios/` are. */
  readonly packageRoot: string;
  readonly now: () => Date;
};

export const EXIT = { pass: 0, failed: 1, badInput: 2, environment: 3, interrupted: 130 } as const;
