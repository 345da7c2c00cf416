// `npm run conformance`: limpet's parts against the real programs. Gets what it needs, runs every comparison, and closes with one
// table of what was compared and how much differs. Names of test files ask for these alone: `npm run conformance -- scaling`.
// Exit codes: 0 nothing differs · 1 something does · 3 something is missing here, told in a line, and the rest agrees.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";

const started = performance.now();
const root = join(import.meta.dirname, "..");
const asked = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "limpet-conformance-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const figuresFile = join(folder, "figures.jsonl");
writeFileSync(figuresFile, "");

// ---- what the comparisons need, and what each of them needs ------------------------------------------------------

const script = (name) => () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts", name)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = stderr.trim();
  if (said !== "") process.stderr.write(`${said}\n`);
  return status === 0 ? stdout.trim() : null;
};
/** Its place, and the variable by which a test's own look-up finds the same at once. */
const PROGRAMS = {
  envoy: { variable: "ENVOY", find: script("install-envoy.js") },
  prometheus: { variable: "LIMPET_PROMETHEUS", find: script("install-prometheus2.js") },
  prometheus3: { variable: "PROMETHEUS3", find: script("install-prometheus3.js") },
  recorder: { variable: "RECORDER", find: script("build-recorder.js") },
  etcd: {
    find: () => {
      const found = onPath("etcd");
      if (found === null) process.stderr.write("no etcd on PATH: apt-get install etcd-server\n");
      return found;
    },
  },
  kubectl: { variable: "KUBECTL", find: script("install-kubectl.js") },
  "kube-apiserver": { variable: "KUBE_APISERVER", find: script("build-api-server.js") },
};
const NEEDS = {
  "envoy-routing": ["envoy"],
  sidecars: ["envoy"],
  "prometheus-queries": ["prometheus3", "prometheus"],
  "real-parts": ["envoy", "prometheus"],
  scaling: ["recorder"],
  "api-server": ["etcd", "kubectl", "kube-apiserver"],
};
/** Building an API server takes longer than all else together. */
const ONLY_BY_NAME = new Set(["api-server"]);
/** The rows that the table must have; one that is not there was not shown, whatever else went well. */
const ROWS = {
  "envoy-routing": ["host sets", "live 0→5→2→0→5, RING_HASH", "live 0→5→2→0→5, MAGLEV"],
  sidecars: ["proxies side by side"],
  "prometheus-queries": ["queries, versions.prometheus: 3", "queries, versions.prometheus: 2"],
  "real-parts": ["both built in", "Envoy", "Prometheus", "Envoy and Prometheus"].map(
    (parts) => `six tests, ${parts}`,
  ),
  scaling: ["recorded now, HPA", "recorded now, StatefulSet", "random traces"],
  "api-server": ["manifests accepted"],
};
/** @param {string} kind @param {string} judge @param {string} file @param {string[]} fixtures */
const recorded = (kind, judge, file, fixtures) => ({
  row: `recorded ${kind} traces`,
  judge: `${judge}, recorded`,
  files: new RegExp(`^src/${file}\\.recorded\\.test\\.ts$`),
  names: /\w+-7-\d+$/,
  rows: fixtures.map((name) => join("src", file.split("/")[0] ?? "", "fixtures", `${name}.jsonl`)),
});
/** Rows that unit tests are: by their files, and by what their names have in them. `rows` names recordings, to count them. */
const UNIT_ROWS = [
  {
    row: "ring and Maglev vectors",
    judge: "Envoy 1.40.0, recorded",
    files: /^src\/routing\/vectors\.test\.ts$/,
    names: /^(?:ring hash|Maglev) \S+/,
  },
  {
    row: "scaling vectors",
    judge: "the reference",
    files: /^src\/(?:scaling|workloads)\/[\w-]+\.test\.ts$/,
    names: /(?<=^| )[KPFVHLBSE]\d+\b/,
  },
  recorded("HPA", "Kubernetes 1.37.2", "scaling/hpa", ["hpa-external", "hpa-value", "hpa-multi"]),
  recorded("KEDA", "KEDA 2.21.0", "scaling/keda", ["keda"]),
  recorded("StatefulSet", "Kubernetes 1.37.2", "workloads/statefulset", ["statefulset"]),
];

const suites = readdirSync(join(root, "tests", "conformance"))
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => basename(name, ".test.ts"))
  .filter((name) =>
    asked.length === 0 ? !ONLY_BY_NAME.has(name) : asked.some((word) => name.includes(word)),
  );
if (suites.length === 0) {
  process.stderr.write(
    `no comparison is called ${asked.join(" ")}; there are ${Object.keys(NEEDS).join(", ")}\n`,
  );
  process.exit(2);
}
const found = {};
for (const name of new Set(suites.flatMap((suite) => NEEDS[suite] ?? [])))
  found[name] = PROGRAMS[name].find();
const lacks = (suite) => (NEEDS[suite] ?? []).filter((name) => found[name] === null);
// `--metrics prometheus` looks on PATH, as everybody's does.
const PATH = [...(found.prometheus ? [dirname(found.prometheus)] : []), process.env.PATH].join(delimiter);
const variables = Object.fromEntries(
  Object.entries(found).flatMap(([name, path]) =>
    path === null || PROGRAMS[name].variable === undefined ? [] : [[PROGRAMS[name].variable, path]],
  ),
);

// ---- the comparisons ----------------------------------------------------------------------------------------------

const vitest = (...args) =>
  spawnSync(process.execPath, [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...variables, PATH, LIMPET_FIGURES: figuresFile },
  }).status === 0;

const report = join(folder, "unit.json");
const rooms = ["src/routing", "src/scaling", "src/workloads"];
const unitPassed =
  asked.length > 0 || vitest("--project", "unit", ...rooms, "--reporter=json", `--outputFile.json=${report}`);
const able = suites.filter((suite) => lacks(suite).length === 0);
const passed =
  able.length === 0 ||
  vitest("--project", "conformance", ...able.map((suite) => `tests/conformance/${suite}.test.ts`));

// ---- the table ----------------------------------------------------------------------------------------------------

const rows = asked.length > 0 ? [] : unitRows();
const told = readFileSync(figuresFile, "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line));
const missing = [];
for (const suite of suites) {
  const wanted = ROWS[suite] ?? [];
  for (const row of wanted) {
    const figure = told.find((one) => one.row === row);
    if (figure !== undefined) rows.push([row, figure.judge, figure.compared, figure.differ]);
    else if (lacks(suite).length > 0)
      rows.push([row, "", `not run: there is no ${lacks(suite).join(", no ")}`, "–"]);
    else {
      rows.push([row, "", "not shown: the comparison did not come to its end", "?"]);
      missing.push(row);
    }
  }
}

function unitRows() {
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  return UNIT_ROWS.map(({ row, judge, files, names, rows: recordings = [] }) => {
    const tests = testResults
      .filter(({ name }) => files.test(name.slice(root.length + 1)))
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ fullName }) => names.test(fullName));
    // One test may be about two of them.
    const all = new RegExp(names, "g");
    const different = new Set(tests.flatMap(({ fullName }) => fullName.match(all) ?? [])).size;
    const differ = tests.filter(({ status }) => status !== "passed").length;
    const what =
      recordings.length === 0 ? `${different} vectors` : `${different} traces, ${rowsIn(recordings)} rows`;
    return [row, judge, what, tests.length === 0 ? "?" : differ];
  });
}

/** Passes, and of a StatefulSet actions and states. */
function rowsIn(recordings) {
  const traces = recordings.flatMap((file) => readFileSync(join(root, file), "utf8").trim().split("\n"));
  const rowsOf = ({ rows = [], acts = [], after = [] }) => rows.length + acts.length + after.length;
  return traces.reduce((sum, line) => sum + rowsOf(JSON.parse(line)), 0);
}

const head = ["what", "judge", "compared", "differ"];
const widths = head.map((title, column) =>
  Math.max(...[head, ...rows].map((row) => String(row[column]).length)),
);
const lines = [head, ...rows].map((row) =>
  ` ${row.map((cell, column) => String(cell).padEnd(widths[column])).join("  ")}`.trimEnd(),
);
const minutes = ((performance.now() - started) / 60_000).toFixed(1);
const incapable = suites.filter((suite) => lacks(suite).length > 0);
const differs = rows.some((row) => typeof row[3] === "number" && row[3] > 0) || !unitPassed || !passed;
const verdict =
  differs || missing.length > 0 || rows.some((row) => row[3] === "?")
    ? "something differs, or a test beside the figures failed: see above"
    : incapable.length > 0
      ? `nothing differs, and not run for what is missing here: ${incapable.join(", ")}`
      : "nothing differs";
process.stdout.write(`\n${lines.join("\n")}\n\n ${verdict} · ${minutes} min\n`);
process.exitCode = verdict.startsWith("something") ? 1 : incapable.length > 0 ? 3 : 0;
