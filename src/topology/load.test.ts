import { test } from "vitest";
import { loadTopology } from "./load.ts";
test("x", async () => {
  for (const path of ["k8s/test-topology", "tests/fixtures/original"]) {
    const t0 = process.hrtime.bigint();
    const t = await loadTopology({ path });
    console.log(Number(process.hrtime.bigint() - t0) / 1e6);
    console.log(
      t.namespace,
      t.files,
      t.entry.workload.name,
      t.entry.service.name,
      t.scrape,
      t.findings,
      t.notActedOn,
      t.routes.map((r) => [
        r.host,
        r.port,
        r.destinations[0]?.cluster.type,
        r.destinations[0]?.cluster.lbPolicy,
        r.because,
      ]),
    );
    for (const x of t.tiers)
      console.log(
        x.name,
        x.workload.name,
        x.routingService.name,
        x.headlessService?.name,
        x.scaledObject?.name,
        x.threshold,
        x.workload.container,
      );
  }
});
