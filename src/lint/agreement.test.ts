/**
 * The rules against the engine, over Istio objects put together at random: where every request goes by its hash no
 * routing rule calls it an error, and where a hash is asked for and none happens, one says so.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { caller, destinationRule, HASH, HOST, service, virtualService, workload, yaml } from "./examples.ts";
import { factsOf } from "./facts.ts";
import { lintTopology } from "./lint.ts";
import { loadLintInput } from "./lint-input.ts";
import { isAtLeast } from "./rule.ts";
import { RULES } from "./rules.ts";

const TOP = `    loadBalancer:\n      consistentHash: ${HASH}\n`;
const balancers = [
  "consistentHash: {httpHeaderName: x-tenant-id}",
  "simple: ROUND_ROBIN",
  "simple: PASSTHROUGH",
  "consistentHash: {httpHeaderName: x-tenant-id, maglev: {tableSize: 65537}}",
];
const balancer = fc.constantFrom(...balancers).map((text) => `loadBalancer: {${text}}`);
const orNone = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });

const setup = fc.record({
  headless: fc.boolean(),
  port: fc.constantFrom(
    "name: http",
    "name: http-api",
    "name: web",
    "name: tcp-api",
    "name: grpc",
    "name: web, appProtocol: http",
    "name: http, appProtocol: tcp",
  ),
  host: fc.constantFrom(HOST, "api", "api-lb.shop.svc.cluster.local", "*.shop.svc.cluster.local"),
  second: fc.boolean(),
  top: fc.boolean(),
  portLevel: orNone(fc.oneof(balancer, fc.constant("connectionPool: {tcp: {maxConnections: 900}}"))),
  subset: orNone(orNone(balancer)),
  route: orNone(
    fc.record({
      destination: fc.constantFrom(
        `{host: ${HOST}}`,
        `{host: ${HOST}, port: {number: 80}}`,
        `{host: ${HOST}, port: {number: 80}, subset: v2}`,
        "{host: api-lb.shop.svc.cluster.local, port: {number: 80}}",
        `{host: ${HOST}, port: {number: 81}}`,
      ),
      extra: fc.constantFrom(
        "",
        "\nheaders: {request: {remove: [x-tenant-id]}}",
        "\nheaders: {request: {set: {x-tenant-id: a}}}",
      ),
      spec: fc.constantFrom(null, "gateways: [edge]", "gateways: [mesh]", 'exportTo: ["~"]'),
    }),
  ),
});
type Setup = typeof setup extends fc.Arbitrary<infer T> ? T : never;

function manifests({ headless, port, host, second, top, portLevel, subset, route }: Setup): string {
  const policy =
    portLevel === null ? {} : { policy: `portLevelSettings:\n- {port: {number: 80}, ${portLevel}}` };
  const subsets =
    subset === null
      ? {}
      : {
          spec: `subsets:\n- {name: v2, labels: {v: "2"}${subset === undefined || subset === null ? "" : `, trafficPolicy: {${subset}}`}}`,
        };
  const rule = destinationRule({ host: `"${host}"`, ...policy, ...subsets });
  return yaml(
    service({
      ports: `[{${port}, port: 80, targetPort: 80}]`,
      ...(headless ? { spec: "clusterIP: None" } : {}),
    }),
    ...(second ? [service({ name: "api-lb" })] : []),
    top
      ? rule
      : rule
          .replace(TOP, portLevel === null && subset === null ? "    connectionPool: {}\n" : "")
          .replace(TOP.trimEnd(), "    connectionPool: {}"),
    workload(),
    caller(),
    ...(route === null
      ? []
      : [
          virtualService({
            http: `route: [{destination: ${route.destination}}]${route.extra}\nretries: {attempts: 0}`,
            ...(route.spec === null ? {} : { spec: route.spec }),
          }),
        ]),
  );
}

test("routing rules agree with the routes that the engine would use", async () => {
  const seen = { hashes: 0, silent: 0 };
  await fc.assert(
    fc.asyncProperty(setup, async (one) => {
      const text = manifests(one);
      const input = await loadLintInput({ paths: ["-"], stdin: text });
      const facts = factsOf(input);
      const { findings, notChecked } = lintTopology(input, {
        rules: RULES.filter(({ family }) => family === "routing"),
      });
      const views = facts.routes.filter(
        ({ called, service: { name } }) => called === "yes" && name === "api",
      );
      const isEdited = views.some(({ route }) => route.requestHeaders !== undefined);
      if (views.every(({ hashes }) => hashes) && !isEdited) {
        seen.hashes++;
        expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
      }
      const isAsked = facts.hashRules.some(({ host }) => host === HOST || host.startsWith("*"));
      if (isAsked && views.some(({ hashes }) => !hashes)) {
        seen.silent++;
        const told = findings.filter(({ severity }) => isAtLeast(severity, "warning")).length;
        const outside = notChecked.filter(({ what }) => what.startsWith("Service ")).length;
        expect(told + outside, text).toBeGreaterThan(0);
      }
    }),
    { numRuns: 1_500 },
  );
  expect(seen.hashes).toBeGreaterThan(50);
  expect(seen.silent).toBeGreaterThan(300);
});
