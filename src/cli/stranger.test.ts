import { expect, test } from "vitest";
import { topologyOf } from "../scenarios/fixtures/topology.ts";
import { DEFAULT_SCRAPE } from "../topology/scrape.ts";
import { describeStranger } from "./stranger.ts";

const said = (changes: Parameters<typeof topologyOf>[1]): string =>
  describeStranger(topologyOf(undefined, changes), "local", "/");

test("how often Prometheus scrapes is said where nobody wrote it, once", () => {
  const words = "scrape every 60 s: no Prometheus in the manifests says otherwise";
  expect(said({ scrape: DEFAULT_SCRAPE })).toContain(words);
  expect(said({})).not.toContain("scrape every");
  const message = "prometheus.yaml not found; built-in Prometheus used, scrape 60 s";
  const finding = { file: "kustomization.yaml", line: 8, column: 1, message, remedy: "add it" };
  expect(said({ scrape: DEFAULT_SCRAPE, findings: [finding] })).not.toContain(words);
});
