import { join } from "node:path";

/** Where runs are kept, below the folder that limpet is called in. */
export const RUNS_FOLDER = join(".limpet", "runs");
