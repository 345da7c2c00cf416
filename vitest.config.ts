import { defineConfig } from "vitest/config";

// What the properties draw their cases from; a run with another seed looks where no run has looked before.
const propertySeed = Number(process.env["LIMPET_TEST_SEED"] ?? 7);
if (!Number.isInteger(propertySeed))
  throw new TypeError("LIMPET_TEST_SEED must be a whole number: the seed of the property tests");
console.log(`property tests: seed ${propertySeed} (LIMPET_TEST_SEED=N for another)`);
const seeded = { setupFiles: ["./vitest.setup.ts"], provide: { propertySeed } };

// Quick units beside the code; whole-program tests through the real entry point; and, by `npm run conformance` alone, the
// comparisons with the real programs.
export default defineConfig({
  test: {
    projects: [
      { test: { ...seeded, name: "unit", include: ["src/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          ...seeded,
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
          ...seeded,
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
