/** From the first request to a pod, and from the last to none: the loops on the way. */
import { at, numberAt } from "../../topology/json.ts";
import { DEFAULT_SCRAPE } from "../../topology/scrape.ts";
import { caller, HOST, scaledObject, service, workload, yaml } from "../examples.ts";
import { prometheusDeployment } from "../examples-prometheus.ts";
import type { Facts } from "../facts.ts";
import { allOf, queriesOf } from "../queries.ts";
import { report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { mainContainer, mainContainerPath, shownStages, total, wakeBudget } from "../wake-budget.ts";

/** Workloads that go to zero, with their ScaledObject. */
const toZero = (facts: Facts) =>
  facts.scaledObjects.flatMap((one) => {
    const workload = facts.meantBy(one);
    return one.minReplicaCount > 0 || workload === null ? [] : [{ one, workload }];
  });

const HOLD = /(?:^|_)(?:HOLD|WAKE|COLD_START)(?:_[A-Z0-9]+)*_SECONDS$/;

const wakeTooLong: Rule = {
  code: "LIMPET-T101",
  family: "timing",
  severity: "warning",
  title: "Waking takes longer than the first request is kept",
  why: "From zero a request waits for the gauge, the scrape, KEDA's poll, the pod's start, its readiness and the route. Each is set in another manifest; the sum of their worst cases is what the caller has to hold out.",
  wrong: yaml(
    service(),
    workload(),
    caller({
      container: `env: [{name: API_URL, value: "http://${HOST}"}, {name: HOLD_SECONDS, value: "20"}]`,
    }),
    scaledObject({ spec: "pollingInterval: 30" }),
  ),
  right: yaml(
    service(),
    workload(),
    caller({
      container: `env: [{name: API_URL, value: "http://${HOST}"}, {name: HOLD_SECONDS, value: "60"}]`,
    }),
    scaledObject({ spec: "pollingInterval: 10" }),
  ),
  source: "limpet: the budget of the stages; kedacore/keda 230, kedacore/http-add-on 432",
  check: (facts) =>
    toZero(facts).flatMap(({ one, workload }) => {
      const stages = wakeBudget(facts, one, workload);
      const seconds = total(stages);
      const goal = facts.goals.firstResponseSeconds;
      const holds = facts
        .servicesOf(workload)
        .flatMap((each) => facts.callersOf(each))
        .flatMap(({ workload: from }) =>
          from.container.env.flatMap((variable) =>
            "value" in variable && HOLD.test(variable.name) && Number(variable.value) > 0
              ? [{ what: `${variable.name} of ${from.kind} ${from.name}`, limit: Number(variable.value) }]
              : [],
          ),
        );
      const limits = [
        ...holds,
        ...(goal === undefined ? [] : [{ what: "the goal for the first response", limit: goal }]),
      ];
      return limits
        .filter(({ limit }) => limit < seconds)
        .slice(0, 1)
        .map(({ what, limit }) =>
          report(
            one.manifest,
            ["spec", "pollingInterval"],
            `from zero ${workload.name} is reached after up to ${seconds} s (${shownStages(stages)}), while ${what} is ${limit} s.`,
            "shorten the longest stage, or let the caller hold longer",
          ),
        );
    }),
};

const zeroTooLate: Rule = {
  code: "LIMPET-T102",
  family: "timing",
  severity: "warning",
  title: "To zero later than the goal",
  why: "From the last answer to zero pass the idle window of whoever counts tenants, a scrape, a poll and the cooldown. cooldownPeriod alone is not it.",
  wrong: yaml(workload(), scaledObject({ spec: "cooldownPeriod: 300" })),
  right: yaml(workload(), scaledObject({ spec: "cooldownPeriod: 60\npollingInterval: 10" })),
  config: "tenantIdleSeconds: 60\n",
  goals: { toZeroSeconds: 140 },
  source: "kedacore/keda pkg/scaling/executor/scale_scaledobjects.go",
  check: (facts) =>
    toZero(facts).flatMap(({ one }) => {
      const goal = facts.goals.toZeroSeconds;
      const idle = facts.config.tenantIdleSeconds;
      if (goal === undefined || idle === null) return [];
      const { cooldownPeriodSeconds: cooldown, pollingIntervalSeconds: poll } = one;
      const gauge = facts.config.gaugeIntervalSeconds ?? 0;
      const scrape = facts.prometheus === null ? 0 : facts.scrape.scrapeIntervalSeconds;
      const seconds = idle + gauge + scrape + poll + cooldown;
      if (seconds <= goal) return [];
      return [
        report(
          one.manifest,
          ["spec", "cooldownPeriod"],
          `zero comes up to ${seconds} s after the last answer (idle ${idle} + gauge ${gauge} + scrape ${scrape} + poll ${poll} + cooldown ${cooldown}), the goal is ${goal} s.`,
          "shorten idle window or cooldownPeriod",
        ),
      ];
    }),
};

const defaultScrape: Rule = {
  code: "LIMPET-T103",
  family: "timing",
  severity: "warning",
  title: "Scaling from zero on a scrape interval of a minute",
  why: "Without scrape_interval Prometheus scrapes once a minute. Until then KEDA polls an old answer, so a first request waits up to 60 s longer, and so does every step back.",
  wrong: yaml(prometheusDeployment("scrape_configs:\n- job_name: pods"), workload(), scaledObject()),
  right: yaml(
    prometheusDeployment("global: {scrape_interval: 5s}\nscrape_configs:\n- job_name: pods"),
    workload(),
    scaledObject(),
  ),
  source: "prometheus/prometheus docs/configuration/configuration.md (scrape_interval: default 1m)",
  check: (facts) => {
    const { prometheus, scrape } = facts;
    const [first] = toZero(facts);
    if (prometheus === null || first === undefined) return [];
    const isDefault = scrape.source === DEFAULT_SCRAPE.source;
    if (!isDefault && scrape.scrapeIntervalSeconds < 60) return [];
    return [
      {
        object: prometheus.object,
        at: prometheus.at("global", "scrape_interval"),
        message: `the scrape interval is ${scrape.scrapeIntervalSeconds} s${isDefault ? ", Prometheus's own default" : ""}: ${first.workload.name} is woken up to that much later.`,
        remedy: "set global.scrape_interval: 5s, or the job's own",
      },
    ];
  },
};

const scrapeSlower: Rule = {
  code: "LIMPET-T104",
  family: "timing",
  severity: "info",
  title: "Polls more often than samples come",
  why: "Between two scrapes KEDA reads the same sample again. The poll is not what decides how fast a tier wakes.",
  wrong: yaml(
    prometheusDeployment("global: {scrape_interval: 30s}\nscrape_configs:\n- job_name: pods"),
    workload(),
    scaledObject({ spec: "pollingInterval: 5" }),
  ),
  right: yaml(
    prometheusDeployment("global: {scrape_interval: 5s}\nscrape_configs:\n- job_name: pods"),
    workload(),
    scaledObject({ spec: "pollingInterval: 5" }),
  ),
  source: "prometheus/prometheus docs/querying/basics.md; kedacore/keda pkg/scaling/scale_handler.go",
  check: (facts) =>
    facts.prometheus === null
      ? []
      : toZero(facts)
          .filter(({ one }) => one.pollingIntervalSeconds < facts.scrape.scrapeIntervalSeconds)
          .map(({ one }) =>
            report(
              one.manifest,
              ["spec", "pollingInterval"],
              `pollingInterval ${one.pollingIntervalSeconds} s is shorter than the scrape interval of ${facts.scrape.scrapeIntervalSeconds} s (${facts.scrape.source}).`,
              "scrape more often, or poll less",
            ),
          ),
};

const defaultPolling: Rule = {
  code: "LIMPET-T105",
  family: "timing",
  severity: "info",
  title: "Waking from zero at the default pollingInterval",
  why: "pollingInterval is 30 s unless set, and it is the whole of what decides 0 to 1: a first request waits up to that long before anything starts.",
  wrong: yaml(workload(), scaledObject()),
  right: yaml(workload(), scaledObject({ spec: "pollingInterval: 10" })),
  source: "kedacore/keda apis/keda/v1alpha1/withtriggers_types.go",
  check: (facts) =>
    toZero(facts)
      .filter(({ one }) => at(one.spec, "pollingInterval") === undefined)
      .map(({ one, workload }) =>
        report(
          one.manifest,
          ["spec", "pollingInterval"],
          `pollingInterval is not set and so 30 s: ${workload.name} is woken up to 30 s after its metric says so.`,
          "set it, e.g. pollingInterval: 10",
        ),
      ),
};

const shortCooldown: Rule = {
  code: "LIMPET-T106",
  family: "timing",
  severity: "warning",
  title: "cooldownPeriod that one missed sample outlasts",
  why: "The cooldown runs from the last poll that found the trigger active. Not longer than a poll and a scrape, a single late or lost sample takes all pods to zero under traffic.",
  wrong: yaml(workload(), scaledObject({ spec: "pollingInterval: 30\ncooldownPeriod: 30" })),
  right: yaml(workload(), scaledObject({ spec: "pollingInterval: 10\ncooldownPeriod: 60" })),
  source: "kedacore/keda pkg/scaling/executor/scale_scaledobjects.go (cooldown gate)",
  check: (facts) =>
    toZero(facts).flatMap(({ one }) => {
      const { pollingIntervalSeconds: poll, cooldownPeriodSeconds: cooldown } = one;
      const scrape = facts.prometheus === null ? 0 : facts.scrape.scrapeIntervalSeconds;
      if (cooldown > poll + scrape) return [];
      return [
        report(
          one.manifest,
          ["spec", "cooldownPeriod"],
          `cooldownPeriod ${cooldown} s is not longer than a poll of ${poll} s${scrape === 0 ? "" : ` and a scrape of ${scrape} s`}: one missed sample takes every pod.`,
          `set it above ${2 * (poll + scrape)}`,
        ),
      ];
    }),
};

const shortRange: Rule = {
  code: "LIMPET-T107",
  family: "timing",
  severity: "warning",
  title: "Range of a query shorter than two scrapes",
  why: "rate and increase need two samples inside the range. With a range under two scrape intervals there is often one, and the answer is empty: zero load to KEDA, or an error.",
  wrong: yaml(
    prometheusDeployment("global: {scrape_interval: 30s}\nscrape_configs:\n- job_name: pods"),
    workload(),
    scaledObject({
      metadata: 'threshold: "2"\nquery: sum(rate(requests_total[30s]))\nignoreNullValues: "false"',
    }),
  ),
  right: yaml(
    prometheusDeployment("global: {scrape_interval: 15s}\nscrape_configs:\n- job_name: pods"),
    workload(),
    scaledObject({
      metadata: 'threshold: "2"\nquery: sum(rate(requests_total[1m]))\nignoreNullValues: "false"',
    }),
  ),
  source: "prometheus/prometheus promql/functions.go (extrapolatedRate)",
  check: (facts) =>
    facts.prometheus === null
      ? []
      : queriesOf(facts).flatMap(({ scaledObject: one, path, expr }) => {
          const ranges =
            expr === null
              ? []
              : allOf(expr).flatMap((part) => (part.kind === "matrixSelector" ? [part.rangeMs / 1000] : []));
          const shortest = Math.min(...ranges);
          const { scrapeIntervalSeconds } = facts.scrape;
          if (shortest >= 2 * scrapeIntervalSeconds) return [];
          return [
            report(
              one.manifest,
              path,
              `the query looks back ${shortest} s and a sample comes every ${scrapeIntervalSeconds} s: it often finds fewer than two and answers nothing.`,
              `look back ${4 * scrapeIntervalSeconds} s`,
            ),
          ];
        }),
};

const slowReadiness: Rule = {
  code: "LIMPET-T108",
  family: "timing",
  severity: "info",
  title: "Readiness probe that lengthens every cold start",
  why: "A pod that starts from zero is asked for its readiness after initialDelaySeconds and then once a period, 10 s unless set. What it needs beyond its real start is waited by somebody.",
  wrong: yaml(
    workload({ container: "readinessProbe: {httpGet: {path: /ready, port: 8080}, initialDelaySeconds: 10}" }),
    scaledObject(),
  ),
  right: yaml(
    workload({ container: "readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}" }),
    scaledObject(),
  ),
  source: "kubernetes/kubernetes pkg/kubelet/prober/worker.go",
  check: (facts) =>
    toZero(facts).flatMap(({ workload }) => {
      const container = mainContainer(workload);
      if (container["readinessProbe"] === undefined) return [];
      const delay = numberAt(container, "readinessProbe", "initialDelaySeconds") ?? 0;
      const period = numberAt(container, "readinessProbe", "periodSeconds") ?? 10;
      if (delay + period < 5) return [];
      return [
        report(
          workload.manifest,
          [...mainContainerPath(workload), "readinessProbe"],
          `readiness of ${workload.name}, which starts from zero, is asked after ${delay} s and then every ${period} s: up to ${delay + period} s of each cold start.`,
          "set periodSeconds: 1 and no initialDelaySeconds; a startupProbe keeps slow starts safe",
        ),
      ];
    }),
};

export const SCALING_RULES: readonly Rule[] = [
  wakeTooLong,
  zeroTooLate,
  defaultScrape,
  scrapeSlower,
  defaultPolling,
  shortCooldown,
  shortRange,
  slowReadiness,
];
