/** `limpet up`: the topology in real time, for hands and eyes, until Ctrl-C. */
import { requestShape } from "../topology/request-shape.ts";
import type { RunEvent } from "../events/types.ts";
import { localEngine } from "../engines/local/local-engine.ts";
import { EXIT, type Host } from "./host.ts";
import { upLine } from "./up-lines.ts";
import type { UpOptions } from "./options.ts";
import { drawSeed, openTopology } from "./open-topology.ts";
import { chooseParts } from "./real-parts.ts";
import { refuseUndeclaredMetric } from "./undeclared-metric.ts";

export async function upCommand(host: Host, options: UpOptions): Promise<number> {
  const topology = await openTopology(host, options);
  refuseUndeclaredMetric(topology);
  const { realParts, parts } = await chooseParts(host, options, topology);
  const seed = options.seed ?? drawSeed(host);
  const events: RunEvent[] = [];
  let print = (event: RunEvent): void => void events.push(event);
  await using run = await localEngine.start({
    topology,
    seed,
    speed: options.speed,
    onEvent: (event) => print(event),
    gatewayPort: options.port,
    prometheusPort: options.prometheusPort,
    hostEnv: host.env,
    realParts,
  });
  const { path, tenantHeader: header } = requestShape(topology);
  const metric = topology.config.activeTenants?.metric ?? "test_active_tenants";
  host.stdout.write(`gateway     ${run.gatewayUrl}     curl -H '${header}: a' ${run.gatewayUrl}${path}\n`);
  host.stdout.write(
    `prometheus  ${run.prometheusUrl}     curl '${run.prometheusUrl}/api/v1/query?query=${metric}'\n`,
  );
  host.stdout.write(`seed ${seed}, speed ${options.speed}\n`);
  const real = Object.entries(parts).filter(([, name]) => name !== "built in");
  for (const [part, name] of real) host.stdout.write(`${part.padEnd(10)}  ${name}\n`);
  const show = (event: RunEvent): void => {
    const line = upLine(event, run.clock.epochUnixSeconds);
    if (line !== null) host.stdout.write(`${line}\n`);
  };
  for (const event of events) show(event);
  print = show;
  host.stdout.write("Ctrl-C stops everything.\n");
  await new Promise<void>((resolve) => {
    if (host.interrupted.aborted) resolve();
    host.interrupted.addEventListener("abort", () => resolve());
  });
  return EXIT.interrupted;
}
