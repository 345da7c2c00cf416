import { readFile, readdir } from "node:fs/promises";

/**
 * Proportional set size of the given processes and all below them, in bytes (Linux: `/proc/PID/smaps_rollup`). A page
 * that several share counts once in all. Null where the system does not tell (macOS).
 */
export async function pssBytes(roots: readonly number[]): Promise<number | null> {
  try {
    const pids = await withDescendants(roots);
    const sizes = await Promise.all(pids.map(pssOf));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    return total > 0 ? total : null;
  } catch {
    return null;
  }
}

async function pssOf(pid: number): Promise<number> {
  try {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, "latin1");
    return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // It ended while we looked.
  }
}

async function withDescendants(roots: readonly number[]): Promise<number[]> {
  const found = new Set<number>();
  const queue = [...roots];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    if (found.has(pid)) continue;
    found.add(pid);
    try {
      for (const thread of await readdir(`/proc/${pid}/task`)) {
        const children = await readFile(`/proc/${pid}/task/${thread}/children`, "latin1");
        queue.push(...children.split(" ").filter(Boolean).map(Number));
      }
    } catch {
      // It ended while we looked.
    }
  }
  return [...found];
}
