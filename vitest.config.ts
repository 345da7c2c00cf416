import { defineConfig } from "vitest/config";

// Two projects: quick units beside the code, and whole-program tests through the real entry point.
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "program",
          include: ["tests/**/*.test.ts"],
          // One at a time: each of these starts dozens of processes and measures time.
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
