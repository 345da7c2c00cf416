// Bundles one program that runs in a pod into one file: a pod's cold start is part of what limpet measures, and one file
// starts in half the time of many. The local engine's copy (scripts/build.js) and the images' copy both come from here.
//
//   node scripts/bundle-program.js services/gateway /out/main.js
import { join, dirname } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

export async function bundleProgram(path, outfile) {
  await build({
    entryPoints: [join(root, "src", path, "main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    minify: true,
    legalComments: "none",
    // prom-client and dns-packet are CommonJS and call require() for Node's own modules.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    allowOverwrite: true,
    logLevel: "warning",
  });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [path, outfile] = argv.slice(2);
  if (path === undefined || outfile === undefined) throw new Error("bundle-program.js PROGRAM OUTFILE");
  await bundleProgram(path, outfile);
}
