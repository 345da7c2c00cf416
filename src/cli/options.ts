/** What the commands take, as commander hands it over. */
export type Reporter = "terminal" | "json" | "junit";
/** Which parts of a run are real programs. */
export type PartOptions = {
  sidecar: "built-in" | "envoy";
  envoy?: string;
  metrics: "built-in" | "prometheus";
  prometheus?: string;
};
export type TestOptions = PartOptions & {
  topology?: string;
  speed: number;
  seed?: number;
  engine: "local" | "simulated" | "kubernetes";
  reporter: Reporter;
  hashOverride?: "RANDOM";
};
export type UpOptions = PartOptions & {
  topology?: string;
  port: number;
  prometheusPort: number;
  speed: number;
  seed?: number;
};
