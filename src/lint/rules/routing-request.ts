/** What of a request is hashed, and what its retries do with that. */
import { at, listAt, objectAt } from "../../topology/json.ts";
import { destinationRule, HOST, ROUTE, service, virtualService, yaml } from "../examples.ts";
import type { Facts } from "../facts.ts";
import { hashPath, maybeCalled, meantToHash, report } from "../report.ts";
import { type RouteView } from "../route-views.ts";
import type { Rule } from "../rule.ts";

const label = (view: RouteView): string => `${view.service.name}:${view.route.port}`;

const otherHeader: Rule = {
  code: "LIMPET-R110",
  family: "routing",
  severity: "warning",
  title: "Requests that do not carry the hashed header",
  why: "A request without the header has no hash, and Envoy takes a random pod for it, a new one each time.",
  wrong: yaml(service(), destinationRule({ hash: "{httpHeaderName: x-tenant}" })),
  right: yaml(service(), destinationRule()),
  config: "request: {tenantHeader: X-Tenant-ID}\n",
  source: "envoyproxy/envoy source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc",
  check: (facts) => [...otherThanDeclared(facts), ...withoutHeader(facts)],
};

function otherThanDeclared(facts: Facts) {
  const sent = facts.config.request?.tenantHeader;
  if (sent === undefined) return [];
  return facts.routes
    .filter(maybeCalled)
    .flatMap((view) =>
      view.route.hashPolicies.flatMap((policy) =>
        policy.kind !== "header" || policy.headerName === sent.toLowerCase()
          ? []
          : meantToHash(view).map((one) =>
              report(
                one.rule,
                [...hashPath(one), "httpHeaderName"],
                `the hash is on header ${policy.headerName}, while limpet.yaml says that requests carry the tenant in ${sent}.`,
                `hash on ${sent.toLowerCase()}, or correct request.tenantHeader in limpet.yaml`,
              ),
            ),
      ),
    );
}

/** A route that is there for requests without the header, and leads to a cluster that hashes on it. */
function withoutHeader(facts: Facts) {
  const hashed = facts.routes.filter(({ hashes, via }) => hashes && via !== null);
  return hashed.flatMap(({ via, route }) =>
    listAt(via!.spec, "match").flatMap((match, i) =>
      route.hashPolicies.flatMap((policy) =>
        policy.kind === "header" &&
        Object.keys(objectAt(match, "withoutHeaders")).some(
          (name) => name.toLowerCase() === policy.headerName,
        )
          ? [
              report(
                via!.manifest,
                [...via!.path, "match", i, "withoutHeaders"],
                `this route takes requests without ${policy.headerName} and its cluster hashes on it: each goes to a random pod.`,
                "answer such requests with directResponse 400, or send them to a Service of their own",
              ),
            ]
          : [],
      ),
    ),
  );
}

const edits = (view: RouteView) => [
  ...(view.route.requestHeaders === undefined ? [] : [view.route.requestHeaders]),
  ...view.destinations.flatMap(({ resolved }) => resolved.requestHeaders ?? []),
];

const isUnconditional = (view: RouteView): boolean => listAt(view.via?.spec, "match").length === 0;

const headerOf = (view: RouteView): string | null => {
  const [policy] = view.route.hashPolicies;
  return policy?.kind === "header" ? policy.headerName : null;
};

const editedHeader: Rule = {
  code: "LIMPET-R111",
  family: "routing",
  severity: "error",
  title: "The route sets or removes the hashed header",
  why: "The header is hashed after every edit of the route, the destination and the virtual host. Set to a fixed value it sends all tenants to one pod; removed, each request goes to a random one.",
  wrong: yaml(
    service(),
    destinationRule(),
    virtualService({ http: `${ROUTE}\nheaders: {request: {set: {x-tenant-id: public}}}` }),
  ),
  right: yaml(
    service(),
    destinationRule(),
    virtualService({ http: `${ROUTE}\nheaders: {request: {set: {x-forwarded-tenant: public}}}` }),
  ),
  source: "Envoy router filter, measured with 1.36 to 1.40: headers are edited before they are hashed",
  check: (facts) =>
    facts.routes.flatMap((view) => {
      const header = headerOf(view);
      if (header === null || view.via === null || !isUnconditional(view)) return [];
      const { manifest, path } = view.via;
      return edits(view).flatMap(({ set, remove }) => {
        const value = set[header];
        const where = [...path, "headers", "request"];
        if (remove.includes(header))
          return [
            report(
              manifest,
              [...where, "remove"],
              `the route removes ${header} before it is hashed, so every request goes to a random pod.`,
              "remove it at the receiving side, or hash on another header",
            ),
          ];
        // %…% is Envoy's formatter: not one value.
        if (value === undefined || value.includes("%")) return [];
        return [
          report(
            manifest,
            [...where, "set"],
            `the route sets ${header} to ${JSON.stringify(value)} before it is hashed, so all tenants go to one pod.`,
            `leave ${header} as the caller sent it`,
          ),
        ];
      });
    }),
};

const appendedHeader: Rule = {
  code: "LIMPET-R112",
  family: "routing",
  severity: "warning",
  title: "The hashed header is sent twice",
  why: "Several lines of the header are hashed as a chain, a comma-joined line as one value: `a` twice is not `a` once. A tenant whose header one layer adds again, and another does not, has two homes.",
  wrong: yaml(
    service(),
    destinationRule(),
    virtualService({ http: `${ROUTE}\nheaders: {request: {add: {x-tenant-id: v2}}}` }),
  ),
  right: yaml(service(), destinationRule(), virtualService()),
  source: "envoyproxy/envoy source/common/http/hash_policy.cc",
  check: (facts) =>
    facts.routes.flatMap((view) => {
      const header = headerOf(view);
      if (header === null || view.via === null) return [];
      const { manifest, path } = view.via;
      return edits(view).flatMap(({ add }) =>
        add[header] === undefined
          ? []
          : [
              report(
                manifest,
                [...path, "headers", "request", "add"],
                `the route adds ${header} ${JSON.stringify(add[header])} to the one that was sent, and the two lines are hashed together: the tenant's home is another than with the header once.`,
                "use another header, or set instead of add where it is never sent",
              ),
            ],
      );
    }),
};

const spelling: Rule = {
  code: "LIMPET-R113",
  family: "routing",
  severity: "info",
  title: "One tenant, several spellings of the key",
  why: "Values are hashed byte by byte. Over HTTP/2 outer blanks of a header are kept and hashed, and a query parameter is hashed as it stands in the path, not decoded: `a b`, `a%20b` and `a+b` are three tenants.",
  wrong: yaml(service(), destinationRule({ hash: "{httpQueryParameterName: tenant}" })),
  right: yaml(service(), destinationRule()),
  source: "envoyproxy/envoy source/common/http/hash_policy.cc, measured with 1.40",
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap((view) => {
      const { name, appProtocol } = view.service.ports[view.portIndex]!;
      const protocol = (appProtocol ?? name ?? "").toLowerCase();
      const isHttp2 = /^(http2|grpc|kubernetes\.io\/h2c)/.test(protocol);
      return view.route.hashPolicies.flatMap((policy) => {
        const [one] = meantToHash(view);
        if (one === undefined) return [];
        if (policy.kind === "query_parameter")
          return [
            report(
              one.rule,
              [...hashPath(one), "httpQueryParameterName"],
              `query parameter ${policy.name} is hashed as it stands in the path: a tenant written in two ways has two homes.`,
              "hash on a header that one place writes",
            ),
          ];
        if (policy.kind !== "header" || !isHttp2) return [];
        return [
          report(
            one.rule,
            [...hashPath(one), "httpHeaderName"],
            `port ${label(view)} is ${protocol}: blanks around ${policy.headerName} are part of the tenant's name there, and over HTTP/1 they are not.`,
            "let one place write the header, without blanks",
          ),
        ];
      });
    }),
};

const retriesSameHost: Rule = {
  code: "LIMPET-R119",
  family: "routing",
  severity: "warning",
  title: "A hashed VirtualService route with default retries",
  why: "On a hashed route with one destination Istio's two default retries compute the same hash and go to the same pod. One that refuses connections costs its tenants 503s until it is off the list, after three attempts each.",
  wrong: yaml(
    service(),
    destinationRule(),
    virtualService({ http: `route: [{destination: {host: ${HOST}, port: {number: 80}}}]` }),
  ),
  right: yaml(service(), destinationRule(), virtualService()),
  source: "istio/istio pilot/pkg/networking/core/route/retry/retry.go",
  check: (facts) =>
    facts.routes
      .filter(
        ({ hashes, via, destinations }) =>
          hashes || (via !== null && destinations.some(({ hashRule }) => hashRule !== null)),
      )
      .filter(
        ({ via, route }) => via !== null && route.protocol !== "tcp" && at(via.spec, "retries") === undefined,
      )
      .map(({ via, route }) =>
        report(
          via!.manifest,
          via!.path,
          `this route has no retries of its own: Istio's ${route.retryPolicy?.numRetries ?? 2} default retries go to the same pod again, and a call can reach it ${(route.retryPolicy?.numRetries ?? 2) + 1} times.`,
          "write retries: attempts 0, or retryOn: connect-failure,refused-stream, and let the caller repeat what is safe",
        ),
      ),
};

const retriesLeave: Rule = {
  code: "LIMPET-R120",
  family: "routing",
  severity: "info",
  title: "Without a VirtualService retries leave the tenant's pod",
  why: "Istio's default route has the retry policy that avoids hosts tried before, hash or no hash: a failed connection is repeated on the next pod of the ring, where the tenant is not at home.",
  wrong: yaml(service(), destinationRule()),
  right: yaml(service(), destinationRule(), virtualService()),
  source: "istio/istio pilot/pkg/networking/core/route/retry/retry.go (previous_hosts)",
  check: (facts) =>
    facts.routes
      .filter(
        (view) =>
          view.hashes &&
          view.via === null &&
          view.route.retryPolicy?.previousHosts === true &&
          maybeCalled(view),
      )
      .flatMap((view) =>
        meantToHash(view).map((one) =>
          report(
            one.rule,
            ["spec", "host"],
            `no VirtualService is for ${view.service.name}, so a retry goes to another pod than the tenant's.`,
            "add a VirtualService with retries written out",
          ),
        ),
      ),
};

export const REQUEST_RULES: readonly Rule[] = [
  otherHeader,
  editedHeader,
  appendedHeader,
  spelling,
  retriesSameHost,
  retriesLeave,
];
