/** A host set of somebody's own, read from JSON and checked. */
import { isObject } from "./json.ts";
import { isTableSize, MAXIMUM_TABLE_SIZE } from "./maglev.ts";
import type { Host } from "./types.ts";
import type { HashingPolicy } from "./where.ts";

export type HostSet = {
  readonly policy: HashingPolicy;
  readonly hosts: readonly Host[];
  readonly tenants: readonly string[];
};

/** Something wrong, and where: `["hosts", 3, "weight"]`. */
export type HostSetProblem = { readonly path: readonly (string | number)[]; readonly message: string };

/** As Envoy has them: ring sizes up to 8 Mi; the table a prime of at most 5,000,011. */
const DEFAULT_MINIMUM_RING_SIZE = 1024;
const MAXIMUM_RING_SIZE = 8_388_608;
const DEFAULT_TABLE_SIZE = 65_537;
const MAXIMUM_WEIGHT = 2 ** 32 - 1;
const MAX_PROBLEMS = 20;

class Reader {
  readonly problems: HostSetProblem[] = [];

  fail(path: HostSetProblem["path"], message: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ path, message });
  }

  object(value: unknown, path: HostSetProblem["path"], keys: readonly string[]): Record<string, unknown> {
    if (!isObject(value)) {
      this.fail(path, `an object is wanted, found ${kindOf(value)}`);
      return {};
    }
    for (const key of Object.keys(value)) {
      if (!keys.includes(key)) this.fail([...path, key], `unknown field; there are ${keys.join(", ")}`);
    }
    return value;
  }

  whole(value: unknown, path: HostSetProblem["path"], { least, most, fallback }: Bounds): number {
    if (value === undefined) return fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    this.fail(path, `a whole number from ${least} to ${most} is wanted, found ${JSON.stringify(value)}`);
    return fallback;
  }

  list(value: unknown, path: HostSetProblem["path"]): readonly unknown[] {
    if (Array.isArray(value)) return value;
    this.fail(
      path,
      value === undefined ? "missing; a list is wanted" : `a list is wanted, found ${kindOf(value)}`,
    );
    return [];
  }
}

type Bounds = { readonly least: number; readonly most: number; readonly fallback: number };

/** What the JSON says, or everything that is wrong with it. */
export function readHostSet(value: unknown): HostSet | { readonly problems: readonly HostSetProblem[] } {
  const reader = new Reader();
  const set = reader.object(value, [], ["policy", "hosts", "tenants"]);
  if (!isObject(value)) return { problems: reader.problems };
  const policy = readPolicy(reader, set["policy"]);
  const hosts = reader
    .list(set["hosts"], ["hosts"])
    .map((host, index) => readHost(reader, host, ["hosts", index]));
  const tenants = reader.list(set["tenants"], ["tenants"]).map((tenant, index) => {
    if (typeof tenant === "string") return tenant;
    reader.fail(["tenants", index], `a text is wanted, found ${kindOf(tenant)}`);
    return "";
  });
  return reader.problems.length > 0 ? { problems: reader.problems } : { policy, hosts, tenants };
}

function readPolicy(reader: Reader, value: unknown): HashingPolicy {
  const keys = ["algorithm", "minimumRingSize", "maximumRingSize", "tableSize"];
  if (value === undefined) reader.fail(["policy"], `missing; {"algorithm": "RING_HASH"} is the shortest`);
  const policy = value === undefined ? {} : reader.object(value, ["policy"], keys);
  const algorithm = policy["algorithm"];
  if (value !== undefined && algorithm !== "RING_HASH" && algorithm !== "MAGLEV") {
    const found = algorithm === undefined ? "nothing" : JSON.stringify(algorithm);
    reader.fail(["policy", "algorithm"], `RING_HASH or MAGLEV is wanted, found ${found}`);
  }
  const size = (key: string, fallback: number, most = MAXIMUM_RING_SIZE): number =>
    reader.whole(policy[key], ["policy", key], { least: 1, most, fallback });
  const minimumRingSize = size("minimumRingSize", DEFAULT_MINIMUM_RING_SIZE);
  const maximumRingSize = size("maximumRingSize", MAXIMUM_RING_SIZE);
  const tableSize = size("tableSize", DEFAULT_TABLE_SIZE, MAXIMUM_TABLE_SIZE);
  if (minimumRingSize > maximumRingSize)
    reader.fail(
      ["policy", "maximumRingSize"],
      `${maximumRingSize} is below the minimumRingSize ${minimumRingSize}; Envoy refuses such a cluster`,
    );
  if (!isTableSize(tableSize))
    reader.fail(
      ["policy", "tableSize"],
      `${tableSize} is no prime; Envoy refuses such a cluster (65537 is one)`,
    );
  return {
    lbPolicy: algorithm === "MAGLEV" ? "MAGLEV" : "RING_HASH",
    minimumRingSize,
    maximumRingSize,
    tableSize,
  };
}

function readHost(reader: Reader, value: unknown, path: HostSetProblem["path"]): Host {
  const host = reader.object(value, path, ["address", "weight"]);
  const { address } = host;
  if (isObject(value) && (typeof address !== "string" || !/^[\x21-\x7e]+$/.test(address))) {
    const found = address === undefined ? "nothing" : JSON.stringify(address);
    reader.fail(
      [...path, "address"],
      `the text that is hashed, "10.244.0.7:8000", is wanted, found ${found}`,
    );
  }
  return {
    address: typeof address === "string" ? address : "",
    weight: reader.whole(host["weight"], [...path, "weight"], {
      least: 1,
      most: MAXIMUM_WEIGHT,
      fallback: 1,
    }),
  };
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : typeof value;
}
