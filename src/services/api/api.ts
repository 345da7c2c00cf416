import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, unixMsAt } from "../../clock/clock.ts";
import { HttpService } from "../shared/http-service.ts";
import {
  abortedByClient,
  ByteBudget,
  notFound,
  readBody,
  send,
  sendJson,
  sendRefusal,
  splitTarget,
} from "../shared/http.ts";
import type { Log } from "../shared/log.ts";
import type { Program } from "../shared/run.ts";
import { readTenantId, type Refusal } from "../shared/tenant-id.ts";
import { DEADLINE_HEADER } from "../shared/headers.ts";
import type { ApiConfig } from "./config.ts";
import { createApiMetrics } from "./metrics.ts";
import { TenantStore } from "./tenant-store.ts";
import { type WorkEnd, WorkQueue } from "./work.ts";

export type ApiDeps = { readonly config: ApiConfig; readonly clock: Clock; readonly log: Log };

const ENDS: Readonly<Record<Exclude<WorkEnd, "done">, Refusal>> = {
  refused: {
    status: 503,
    reason: "queue_full",
    message: "Too many requests wait for this pod.",
    retryAfterSeconds: 1,
  },
  expired: {
    status: 504,
    reason: "deadline_exceeded",
    message: "The caller's deadline passed in the queue.",
  },
  abandoned: { status: 499, reason: "abandoned", message: "The client left." },
};

/**
 * The pod of a tier. `GET` and `POST /process` do simulated work and say which pod did it (`pod`, `tenant_id`, `tier`,
 * `timestamp` in Unix seconds, `warm`: false on the first request of a tenant that this pod has no state of, and
 * `requests`: how many it has answered it). `?work_ms=` or `X-Work-Ms` replaces WORK_MS for one request, up to WORK_MS_MAX.
 * `/health` and `/ready` say so; `/metrics` is Prometheus' text format; `/tenants` tells a restarted gateway when each
 * tenant was last answered (`?within=` seconds).
 */
export function createApi({ config, clock, log }: ApiDeps): Program & { readonly service: HttpService } {
  const work = new WorkQueue(clock, config.maxConcurrency, config.queueLimit);
  const tenants = new TenantStore(config.maxTenants);
  const bodies = new ByteBudget(Math.max(config.bodyLimitBytes, 64 << 20));
  const metrics = createApiMetrics(config, {
    running: () => work.running,
    waiting: () => work.waiting,
    tenants: () => tenants.size,
  });

  const refuse = (res: ServerResponse, refusal: Refusal): void => {
    metrics.refused(refusal.reason);
    sendRefusal(res, refusal);
  };

  async function process(req: IncomingMessage, res: ServerResponse, query: string): Promise<void> {
    const gone = abortedByClient(res);
    const { tenant, refusal } = readTenantId(req.headers[config.tenantHeader], config.tenantHeader);
    if (refusal) return refuse(res, refusal);
    const params = new URLSearchParams(query);
    const asked = params.get("work_ms") ?? req.headers["x-work-ms"];
    const askedMs = asked === undefined || asked === "" ? config.workMs : Number(asked);
    if (!(askedMs >= 0)) {
      return refuse(res, {
        status: 400,
        reason: "work_ms_malformed",
        message: "work_ms must be a number of milliseconds, 0 or more.",
      });
    }
    metrics.request(tenant);
    const reading = await readBody(req, config.bodyLimitBytes, bodies);
    if (reading.refusal) return refuse(res, reading.refusal);
    bodies.give(reading.body.length);
    const remainingMs = Number(req.headers[DEADLINE_HEADER] ?? Infinity);
    const deadlineUs = remainingMs >= 0 ? clock.nowUs() + remainingMs * 1000 : Infinity;
    const end = await work.run(Math.min(askedMs, config.workMsMax) * 1000, deadlineUs, gone);
    if (end !== "done") return refuse(res, ENDS[end]);
    const nowUs = clock.nowUs();
    const { warm, requests } = tenants.answered(tenant, nowUs);
    sendJson(res, 200, {
      [config.podField]: config.pod,
      tenant_id: tenant,
      tier: config.tier,
      timestamp: unixMsAt(clock, nowUs) / 1000,
      warm,
      requests,
    });
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { path, query } = splitTarget(req.url ?? "/");
    if (path === config.requestPath) {
      if (req.method === "GET" || req.method === "POST") return process(req, res, query);
      return sendRefusal(
        res,
        { status: 405, reason: "method_not_allowed", message: `${path} takes GET and POST.` },
        { allow: "GET, POST" },
      );
    }
    switch (path) {
      case "/health":
        return sendJson(res, 200, { status: "healthy", pod: config.pod });
      case "/ready":
        return service.draining
          ? sendJson(res, 503, { status: "draining", pod: config.pod })
          : sendJson(res, 200, { status: "ready", pod: config.pod });
      case "/metrics":
        return send(res, 200, await metrics.registry.metrics(), {
          "content-type": metrics.registry.contentType,
        });
      case "/tenants": {
        const within = Number(new URLSearchParams(query).get("within") ?? Infinity);
        return sendJson(res, 200, {
          pod: config.pod,
          tenants: tenants.secondsSinceLastAnswer(clock.nowUs(), within >= 0 ? within : Infinity),
        });
      }
      default:
        return sendRefusal(res, notFound(path));
    }
  }

  const service = new HttpService({
    clock,
    log,
    handle,
    drainDelaySeconds: config.drainDelaySeconds,
    drainSeconds: config.drainSeconds,
  });
  return {
    service,
    listen: () => service.listen(config.port, config.listenAddress),
    drain: () => service.drain(),
  };
}
