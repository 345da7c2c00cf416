import { clockFromEnv } from "../../clock/wall-clock.ts";
import { processHost, runProgram } from "../shared/run.ts";
import { createApi } from "./api.ts";
import { apiConfigFromEnv } from "./config.ts";

await runProgram(processHost(process), (env, log) =>
  createApi({ config: apiConfigFromEnv(env), clock: clockFromEnv(env), log }),
);
