/** The endpoint lists of a run as files that its Envoys read. */
import { renameSync, writeFileSync } from "node:fs";
import type { SidecarEndpoint } from "../../../services/sidecar/protocol.ts";
import { endpointsFile, endpointsResponse } from "./cluster-config.ts";

/** Envoy takes notice of a rename over the file, not of a write into it. */
export function writeEndpoints(
  folder: string,
  service: string,
  version: number,
  endpoints: readonly SidecarEndpoint[],
): void {
  const path = endpointsFile(folder, service);
  writeFileSync(`${path}.new`, JSON.stringify(endpointsResponse(service, version, endpoints)));
  renameSync(`${path}.new`, path);
}
