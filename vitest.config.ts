import { defineConfig } from "vitest/config";

// Quick units beside the code; whole-program tests through the real entry point; and, by `npm run conformance` alone, the
// comparisons with the real programs.
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "program",
          include: ["tests/**/*.test.ts"],
          exclude: ["tests/conformance/**"],
          // One at a time: each of these starts dozens of processes and measures time.
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "conformance",
          include: ["tests/conformance/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 1_800_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
