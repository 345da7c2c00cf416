/** Three topologies that are not ours, as their owners would hand them over: a folder, or a stream with its settings. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { emptyFolder, fixture, limpetTest, type Tested } from "./kit.ts";

export type Stranger = {
  readonly name: "shop" | "booking" | "ledger";
  /** Bundled scenarios that it cannot meet, and why. */
  readonly notApplicable: readonly { readonly name: string; readonly reason: string }[];
  /** One line of its manifests, as it is and as a mistake would have it. */
  readonly fault: {
    readonly what: string;
    readonly file: string;
    readonly line: string;
    readonly becomes: string;
    /** The scenario and the check that must fail, and words of the reason. */
    readonly scenario: string;
    readonly check: string;
    readonly reason: RegExp;
  };
};

const ONE_TIER = { name: "tiers scale independently", reason: "needs 2 tiers, the topology has 1" };

export const STRANGERS: readonly Stranger[] = [
  {
    name: "shop",
    notApplicable: [],
    fault: {
      what: "the DestinationRule hashes a header that nobody sends",
      file: "base/checkout.yaml",
      line: "httpHeaderName: x-tenant-id",
      becomes: "httpHeaderName: x-shop-id",
      scenario: "consistent hashing",
      check: "requests to the tenant's own pod",
      reason: /owners changed: \d+ of 40 tenants were answered by more than one pod/,
    },
  },
  {
    name: "booking",
    notApplicable: [ONE_TIER],
    fault: {
      what: "the query asks for a desk that nobody exports",
      file: "2-rooms.yaml",
      line: 'query: max(booking_open_hotels{desk="rooms"})',
      becomes: 'query: max(booking_open_hotels{desk="room"})',
      scenario: "scale from zero",
      check: "first response",
      reason: /booking_open_hotels\{desk="room"\}/,
    },
  },
  {
    name: "ledger",
    notApplicable: [ONE_TIER],
    fault: {
      what: "the routing Service is headless",
      file: "rendered.yaml",
      line: "clusterIP: 10.96.14.7",
      becomes: "clusterIP: None",
      scenario: "consistent hashing",
      check: "same pod through a second gateway",
      reason: /is ORIGINAL_DST: Service ledger is headless/,
    },
  },
];

/** A copy of its folder, to be changed. */
export function copyOf(name: Stranger["name"], given: { readonly settings: boolean }): string {
  const folder = join(emptyFolder(), name);
  const leftOut = given.settings ? "" : fixture(`${name}/limpet.yaml`);
  cpSync(fixture(name), folder, { recursive: true, filter: (path) => path !== leftOut });
  return folder;
}

/** Changes the one place where `line` stands. */
export function plant(folder: string, { file, line, becomes }: Stranger["fault"]): void {
  const path = join(folder, file);
  const parts = readFileSync(path, "utf8").split(line);
  expect(parts, `${file} has "${line}" once`).toHaveLength(2);
  writeFileSync(path, parts.join(becomes));
}

/** `limpet test` on a stranger's folder; the ledger comes as a stream, from the folder where its settings lie. */
export function testStranger(
  folder: string,
  name: Stranger["name"],
  args: readonly string[],
): Promise<Tested> {
  if (name !== "ledger") return limpetTest([...args, "--topology", folder]);
  const stdin = readFileSync(join(folder, "rendered.yaml"), "utf8");
  return limpetTest([...args, "--topology", "-"], { cwd: folder, stdin });
}
