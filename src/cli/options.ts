/** What the commands take, as commander hands it over. */
export type Reporter = "terminal" | "json" | "junit";
export type TopologyOptions = {
  topology?: string;
  config?: string;
};
/** Which parts of a run are real programs. */
export type PartOptions = {
  sidecar: "built-in" | "envoy";
  envoy?: string;
  metrics: "built-in" | "prometheus";
  prometheus?: string;
};
export type TestOptions = TopologyOptions &
  PartOptions & {
    speed: number;
    seed?: number;
    engine: "local" | "simulated" | "kubernetes";
    /** Repeat over so many seeds. */
    runs?: number;
    /** Threads of `--runs`; default: one a core. */
    workers?: number;
    reporter: Reporter;
    hashOverride?: "RANDOM";
  };
export type SweepOptions = TopologyOptions & {
  set: readonly string[];
  find?: string;
  check?: string;
  runs: number;
  seed?: number;
  workers?: number;
  reporter: "terminal" | "json" | "csv";
};
export type UpOptions = TopologyOptions &
  PartOptions & {
    port: number;
    prometheusPort: number;
    speed: number;
    seed?: number;
  };
/** How the answer to a question is written; absent: for a terminal on a terminal, else JSON. */
export type QuestionReporter = "terminal" | "json";
export type QueryCommandOptions = {
  samples: string;
  time?: string;
  versions?: string;
  reporter?: QuestionReporter;
};
export type WhereOptions = {
  topology?: string;
  tier?: string;
  pods?: string;
  seed: number;
  hosts?: string;
  reporter?: QuestionReporter;
};
export type ScaleOptions = {
  trace: string;
  versions?: string;
  topology?: string;
  tier?: string;
  reporter?: QuestionReporter;
};
