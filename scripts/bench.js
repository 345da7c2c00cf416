// npm run bench [-- SUITE…]: bundles bench/run.ts and runs it. Names after -- choose suites; without any all are run.
import { join, dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const outdir = join(root, "dist", "bench");
await build({
  entryPoints: ["run.ts", "simulate-one.ts"].map((name) => join(root, "bench", name)),
  outdir,
  bundle: true,
  packages: "external",
  platform: "node",
  target: "node20",
  format: "esm",
  logLevel: "warning",
});
await import(pathToFileURL(join(outdir, "run.js")).href);
