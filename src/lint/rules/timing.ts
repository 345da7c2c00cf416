/** Times that are set in different manifests and have to fit each other. */
import { destinationRule, HOST, scaledObject, service, virtualService, workload, yaml } from "../examples.ts";
import { hashPath, maybeCalled, report } from "../report.ts";
import type { Rule } from "../rule.ts";

const retriesOutlast: Rule = {
  code: "LIMPET-T109",
  family: "timing",
  severity: "warning",
  title: "Retries that the route's timeout cuts off",
  why: "timeout covers the call with all its retries. Where attempts × perTryTimeout is more, the later tries are begun and thrown away: load without an answer.",
  wrong: yaml(
    service(),
    virtualService({
      http: `route: [{destination: {host: ${HOST}}}]\ntimeout: 5s\nretries: {attempts: 3, perTryTimeout: 5s}`,
    }),
  ),
  right: yaml(
    service(),
    virtualService({
      http: `route: [{destination: {host: ${HOST}}}]\ntimeout: 20s\nretries: {attempts: 3, perTryTimeout: 5s}`,
    }),
  ),
  source: "envoyproxy/envoy source/common/router/router.cc; istio.io VirtualService, HTTPRetry",
  check: (facts) =>
    facts.routes.flatMap(({ via, route }) => {
      const tries = (route.retryPolicy?.numRetries ?? 0) + 1;
      const each = route.retryPolicy?.perTryTimeoutMs ?? 0;
      if (via === null || route.timeoutMs <= 0 || tries * each <= route.timeoutMs) return [];
      return [
        report(
          via.manifest,
          [...via.path, "timeout"],
          `timeout ${route.timeoutMs / 1000} s ends the call before ${tries} tries of ${each / 1000} s can.`,
          `set timeout to ${(tries * each) / 1000}s, or shorten perTryTimeout`,
        ),
      ];
    }),
};

const slowConnect: Rule = {
  code: "LIMPET-T110",
  family: "timing",
  severity: "info",
  title: "Connect timeout as long as the whole call",
  why: "connectTimeout is 10 s unless set. A pod that does not answer the connect then uses up the route's timeout, and no retry is ever made.",
  wrong: yaml(service(), destinationRule(), virtualService()),
  right: yaml(
    service(),
    destinationRule({ policy: "connectionPool: {tcp: {connectTimeout: 1s}}" }),
    virtualService(),
  ),
  source: "istio/istio mesh default connectTimeout 10s",
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap(({ via, route, destinations }) => {
      const [one] = destinations;
      const connect = one?.resolved.cluster.connectTimeoutMs ?? 0;
      if (
        via === null ||
        one === undefined ||
        one.rule === null ||
        route.timeoutMs <= 0 ||
        connect < route.timeoutMs
      )
        return [];
      if (route.retryPolicy === null) return [];
      const path = one.hashRule === null ? ["spec", "trafficPolicy"] : hashPath(one).slice(0, 2);
      return [
        report(
          one.rule,
          [...path, "connectionPool", "tcp", "connectTimeout"],
          `connectTimeout is ${connect / 1000} s and the route's timeout ${route.timeoutMs / 1000} s: a connect that hangs leaves no time for a retry.`,
          "set connectionPool.tcp.connectTimeout: 1s",
        ),
      ];
    }),
};

const cutShort: Rule = {
  code: "LIMPET-T112",
  family: "timing",
  severity: "warning",
  title: "Requests that outlast the pod's grace period",
  why: "A pod that is scaled away has terminationGracePeriodSeconds, preStop included, to finish. A request that the route lets run longer is cut: the caller sees a broken connection.",
  wrong: yaml(
    service(),
    virtualService({ http: `route: [{destination: {host: ${HOST}}}]\ntimeout: 60s` }),
    workload({ pod: "terminationGracePeriodSeconds: 30" }),
    scaledObject(),
  ),
  right: yaml(
    service(),
    virtualService({ http: `route: [{destination: {host: ${HOST}}}]\ntimeout: 20s` }),
    workload({ pod: "terminationGracePeriodSeconds: 30" }),
    scaledObject(),
  ),
  source: "kubernetes pod lifecycle; istio proxy terminationDrainDuration",
  check: (facts) =>
    facts.routes.flatMap(({ via, route, destinations }) =>
      destinations.flatMap(({ service: to }) => {
        if (via === null || to === null || route.timeoutMs <= 0) return [];
        return facts
          .workloadsOf(to)
          .filter((workload) => facts.scaledObjectsOf(workload).length > 0)
          .filter(
            ({ terminationGracePeriodSeconds: grace, container }) =>
              route.timeoutMs > 1000 * (grace - container.preStopSleepSeconds),
          )
          .map(
            ({ name, terminationGracePeriodSeconds: grace, container: { preStopSleepSeconds: preStop } }) =>
              report(
                via.manifest,
                [...via.path, "timeout"],
                `a call may take ${route.timeoutMs / 1000} s, and a pod of ${name} that is scaled away has ${grace - preStop} s (grace ${grace}${preStop > 0 ? `, preStop ${preStop}` : ""}).`,
                `raise terminationGracePeriodSeconds of ${name}, or lower timeout`,
              ),
          );
      }),
    ),
};

const noTimeout: Rule = {
  code: "LIMPET-T111",
  family: "timing",
  severity: "info",
  title: "Route without a timeout",
  why: "Istio sets no limit of its own: a pod that never answers keeps the request, its connection and a place under the circuit breakers for as long as the caller waits.",
  wrong: yaml(service(), virtualService({ http: `route: [{destination: {host: ${HOST}}}]` })),
  right: yaml(service(), virtualService()),
  source: "istio.io VirtualService, HTTPRoute.timeout: disabled by default",
  check: (facts) =>
    facts.routes
      .filter(({ via, route }) => via !== null && route.protocol !== "tcp" && route.timeoutMs === 0)
      .filter(({ destinations }) => destinations.length > 0)
      .map(({ via }) =>
        report(
          via!.manifest,
          via!.path,
          "this route has no timeout, and Istio sets none: a pod that hangs keeps its requests without end.",
          "add timeout, the longest that an answer may take",
        ),
      ),
};

export const TIMING_RULES: readonly Rule[] = [retriesOutlast, slowConnect, noTimeout, cutShort];
