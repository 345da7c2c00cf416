/** What each overlay changes, by running it: in virtual time, so it takes seconds. */
import { expect, test } from "vitest";
import { inRepository, limpet } from "./kit.ts";

test.each([
  ["one-tier", 0],
  ["other-namespace", 0],
  ["node-port", 0],
  // The control: without Istio nothing hashes, and the test of hashing says so.
  ["without-istio", 1],
])("consistent hashing on overlay %s: exit %i", async (overlay, wanted) => {
  const args = ["test", "consistent hashing", "--engine", "simulated", "--seed", "7"];
  const { code, stdout } = await limpet([...args, "--topology", inRepository(`k8s/overlays/${overlay}`)]);
  expect({ code, stdout }).toMatchObject({ code: wanted });
  if (wanted === 1) expect(stdout).toContain("are balanced by LEAST_REQUEST, not by hashing");
});
