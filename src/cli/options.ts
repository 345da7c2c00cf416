/** What the commands take, as commander hands it over. */
export type Reporter = "terminal" | "json" | "junit";
export type TestOptions = {
  topology?: string;
  speed: number;
  seed?: number;
  engine: "local" | "simulated" | "kubernetes";
  reporter: Reporter;
  hashOverride?: "RANDOM";
};
export type UpOptions = {
  topology?: string;
  port: number;
  prometheusPort: number;
  speed: number;
  seed?: number;
};
