import { clockFromEnv } from "../../clock/wall-clock.ts";
import { processHost, runProgram } from "../shared/run.ts";
import { gatewayConfigFromEnv } from "./config.ts";
import { createGateway } from "./gateway.ts";

await runProgram(processHost(process), (env, log) =>
  createGateway({ config: gatewayConfigFromEnv(env), clock: clockFromEnv(env), log }),
);
