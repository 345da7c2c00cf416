import { expect, test } from "vitest";
import {
  caller,
  destinationRule,
  HOST,
  namespace,
  scaledObject,
  service,
  virtualService,
  workload,
  yaml,
} from "./examples.ts";
import { prometheusDeployment } from "./examples-prometheus.ts";
import { lintText } from "./test-kit.ts";

const prometheus = prometheusDeployment("global: {scrape_interval: 5s}\nscrape_configs:\n- job_name: pods");

test.each([
  ["a scale target", yaml(scaledObject(), prometheus), "Deployment api is not in the input"],
  ["a DestinationRule's host", yaml(destinationRule()), `Service ${HOST} is not in the input`],
  [
    "a route's destination",
    yaml(service({ name: "other" }), virtualService({ hosts: "other" })),
    `Service ${HOST} is not in the input`,
  ],
  ["Prometheus", yaml(workload(), scaledObject()), "no Prometheus configuration is in the input"],
  ["a Namespace", yaml(service(), destinationRule(), caller()), "Namespace shop is not in the input"],
])("%s that is elsewhere is said, and is no error", async (_what, text, said) => {
  const { findings, notChecked } = await lintText(text);
  expect(notChecked.map(({ what }) => what).join("\n")).toContain(said);
  expect(notChecked.every(({ file, line }) => file === "stdin" && line > 0)).toBe(true);
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
});

test("where all is there, nothing is said", async () => {
  const { notChecked } = await lintText(
    yaml(
      namespace("{istio-injection: enabled}"),
      service(),
      destinationRule(),
      virtualService(),
      workload(),
      caller(),
      scaledObject(),
      prometheus,
    ),
  );
  expect(notChecked).toEqual([]);
});

test("no entry and no tier are asked for: a Service alone is an input", async () => {
  expect((await lintText(yaml(service()))).findings).toEqual([]);
});

test("a host that a ServiceEntry of the input declares is not elsewhere", async () => {
  const host = "api.example.com";
  const entry = `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: api, namespace: shop}\nspec: {hosts: [${host}], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}`;
  const rule = destinationRule({ host });
  expect((await lintText(yaml(rule))).notChecked).toHaveLength(1);
  expect((await lintText(yaml(entry, rule))).notChecked).toEqual([]);
});
