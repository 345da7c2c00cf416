// Builds dist/: plain modules for the library and the CLI, one bundled file for each program that runs in a pod
// (a pod's cold start is part of what limpet measures, and one file starts in half the time of many).
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundleProgram } from "./bundle-program.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
rmSync(join(root, "dist"), { recursive: true, force: true });

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const programs = [
  "exec/guardian",
  ...readdirSync(join(root, "src", "services")).map((name) => `services/${name}`),
]
  .map((path) => [path, join(root, "src", path, "main.ts")])
  .filter(([, file]) => existsSync(file));
for (const [path] of programs) await bundleProgram(path, join(root, "dist", path, "main.js"));

// zod brings its messages in fifty languages, and they would be read at each start.
const zodInEnglish = {
  name: "zod-in-english",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.\.\/locales\/index\.js$/ }, ({ resolveDir }) => ({
      path: join(resolveDir, "..", "locales", "en.js"),
    })),
};

// The commands in a few files instead of 200: what a person waits for before anything happens. Each command is a file of
// its own, loaded when it is asked for; so are the large libraries that only some of them need.
await build({
  entryPoints: {
    main: join(root, "src", "cli", "main.ts"),
    "runs-worker/main": join(root, "src", "cli", "runs-worker", "main.ts"),
    "sweep-worker/main": join(root, "src", "cli", "sweep-worker", "main.ts"),
  },
  outdir: join(root, "dist", "cli"),
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node20",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  external: ["undici"],
  plugins: [zodInEnglish],
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  allowOverwrite: true,
  logLevel: "warning",
});

// `npx limpet` in the clone: npm links a package's own commands for others, not for itself.
const commands = join(root, "node_modules", ".bin");
mkdirSync(commands, { recursive: true });
rmSync(join(commands, "limpet"), { force: true });
symlinkSync(join("..", "..", "bin", "limpet.js"), join(commands, "limpet"));
