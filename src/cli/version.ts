import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./host.ts";

export function packageVersion({ packageRoot }: Pick<Host, "packageRoot">): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}
