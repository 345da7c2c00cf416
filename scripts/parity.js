// docs/parity.md anew: every scenario on the local and on the simulated engine with one seed, compared row by row.
// Takes about six minutes of a machine that has nothing else to do; a busier one wants `-- --speed 10`. `-- --seed N` for
// another seed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUNDLED, MORE } from "../dist/scenarios/load.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const limpet = join(root, "bin", "limpet.js");
const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const seed = option("seed", "7");
const speed = option("speed", "20");
const cwd = mkdtempSync(join(tmpdir(), "limpet-parity-"));

function run(...args) {
  const { status, stdout } = spawnSync(process.execPath, [limpet, ...args, "--reporter", "json"], {
    cwd,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0 && status !== 1) process.exit(status ?? 1);
  return JSON.parse(stdout);
}

const cell = (value, unit) =>
  value === null
    ? "–"
    : ["s", "%"].includes(unit) && typeof value === "number"
      ? `${value} ${unit}`
      : String(value);

try {
  const local = run("test", ...BUNDLED, ...MORE, "--seed", seed, "--speed", speed);
  const simulated = run("test", ...BUNDLED, ...MORE, "--seed", seed, "--engine", "simulated");
  const { scenarios, agree } = run("compare", local.folder, simulated.folder);
  const again = local.scenarios.filter(({ attempts }) => attempts.length > 1).map(({ name }) => name);
  const open = local.scenarios.filter(({ verdict }) => verdict === "undecided").map(({ name }) => name);
  const agreeing = scenarios.filter((scenario) => scenario.agree).length;
  const lines = [
    "# Parity: the local and the simulated engine beside each other",
    "",
    "Every scenario on both engines with the same seed, on the test topology. Two engines agree where owners are equal wherever",
    "the sets of pods are equal, and times differ by at most one interval of each control loop on the path plus the measured",
    "process time: what `limpet compare` says of the two event logs. Written by `npm run parity`; local times are a real",
    "machine's, so they differ a little each time.",
    "",
    `Seed ${seed} · local engine at speed ${local.speed} · ${agreeing} of ${scenarios.length} scenarios agree.` +
      (again.length === 0 ? "" : ` Run again at half the speed, as timers were late: ${again.join(", ")}.`) +
      (open.length === 0
        ? ""
        : ` Late again, so that the local run came to no verdict (times and owners are compared all the same): ${open.join(", ")}.`),
    "",
    "| scenario | measure | local | simulated | differ | allowed | | of |",
    "|---|---|---|---|---|---|---|---|",
    ...scenarios.flatMap(({ name, rows }) =>
      rows.map(({ measure, a, b, unit, difference, allowed, verdict, note }, index) =>
        [
          "",
          index === 0 ? name : "",
          measure,
          cell(a, unit),
          cell(b, unit),
          cell(difference, unit),
          allowed === null ? "–" : `≤ ${cell(allowed, unit)}`,
          verdict === "reported" ? "–" : verdict === "differ" ? "**differ**" : verdict,
          note.replaceAll("|", "\\|"),
          "",
        ]
          .join(" | ")
          .trim(),
      ),
    ),
  ];
  writeFileSync(join(root, "docs", "parity.md"), `${lines.join("\n")}\n`);
  process.stderr.write(`docs/parity.md: ${agreeing} of ${scenarios.length} agree\n`);
  process.exitCode = agree ? 0 : 1;
} finally {
  rmSync(cwd, { recursive: true, force: true });
}
