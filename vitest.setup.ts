import * as fc from "fast-check";
import { inject } from "vitest";

// The same cases at every run, so that a change that is red is red for its own reason.
fc.configureGlobal({ seed: inject("propertySeed") });

declare module "vitest" {
  interface ProvidedContext {
    propertySeed: number;
  }
}
