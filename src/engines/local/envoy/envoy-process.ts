/** One running Envoy. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { request } from "undici";
import type { Program, Supervisor } from "../../../exec/supervisor.ts";
import type { JsonObject } from "../../../topology/types.ts";
import type { BindAddress } from "../addresses.ts";

export type EnvoyOptions = {
  readonly supervisor: Supervisor;
  /** Path of the program. */
  readonly envoy: string;
  /** For messages. */
  readonly name: string;
  /** Where its configuration is written, as `file`. */
  readonly folder: string;
  readonly file: string;
  readonly bootstrap: JsonObject;
  readonly admin: BindAddress;
  readonly onStdoutLine?: (line: string) => void;
  readonly onStderrLine?: (line: string) => void;
};

export type RunningEnvoy = {
  readonly program: Program;
  /** Resolves when it takes connections (true), or has ended before it did. */
  readonly live: Promise<boolean>;
};

/** Several may run on this machine, none replaces another; access log lines are handed on within 5 ms. */
const FLAGS =
  "--disable-hot-restart --concurrency 1 --file-flush-interval-msec 5 --log-level error --skip-deprecated-logs".split(
    " ",
  );
const LOOK_MS = 20;

export function startEnvoy(options: EnvoyOptions): RunningEnvoy {
  const { supervisor, envoy, name, folder, file, bootstrap, admin, onStdoutLine, onStderrLine } = options;
  const path = join(folder, file);
  writeFileSync(path, JSON.stringify(bootstrap));
  const program = supervisor.start({
    name,
    command: [envoy, "--config-path", path, ...FLAGS],
    env: {},
    ...(onStdoutLine ? { onStdoutLine } : {}),
    ...(onStderrLine ? { onStderrLine } : {}),
  });
  return { program, live: untilLive(program, admin) };
}

function untilLive(program: Program, { bindAddress, bindPort }: BindAddress): Promise<boolean> {
  const url = `http://${bindAddress}:${bindPort}/ready`;
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    let over = false;
    const settle = (live: boolean): void => {
      over = true;
      clearTimeout(timer);
      resolve(live);
    };
    void program.exited.then(() => settle(false));
    const look = async (): Promise<void> => {
      const status = await statusOf(url);
      if (status === 200) settle(true);
      else if (!over) timer = setTimeout(() => void look(), LOOK_MS);
    };
    void look();
  });
}

const statusOf = (url: string): Promise<number | null> =>
  request(url).then(
    async ({ statusCode, body }) => {
      await body.dump();
      return statusCode;
    },
    () => null,
  );
