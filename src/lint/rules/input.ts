/** The input and its suppressions. What suppressions do is found where they are applied; here are their pages. */
import { at } from "../../topology/json.ts";
import { shownPath } from "../../topology/schema.ts";
import { nearest } from "../../topology/suggest.ts";
import { workload, yaml } from "../examples.ts";
import { renaming } from "../fix.ts";
import { isSlip } from "../is-slip.ts";
import { fixedBy, report } from "../report.ts";
import type { Rule } from "../rule.ts";

const ignoring = (comment: string): string =>
  yaml(workload({ spec: "replicas: 1" })).replace("spec:\n", `${comment}\nspec:\n`);

const noReason: Rule = {
  code: "LIMPET-L101",
  family: "input",
  severity: "warning",
  title: "Suppression without a reason",
  why: "A finding that somebody accepted has a reason, which the next reader needs. Without one nothing is suppressed.",
  wrong: ignoring("# limpet:ignore LIMPET-S101"),
  right: yaml(workload()).replace(
    "      - name: main",
    "      # limpet:ignore LIMPET-S101 a LimitRange of the cluster sets it\n      - name: main",
  ),
  source: "limpet",
  check: () => [],
};

const noSuchCode: Rule = {
  code: "LIMPET-L102",
  family: "input",
  severity: "warning",
  title: "Suppression of a code that is none",
  why: "It suppresses nothing, and looks as if it did.",
  wrong: ignoring("# limpet:ignore LIMPET-S1O1 a LimitRange of the cluster sets it"),
  right: yaml(workload()),
  source: "limpet",
  check: () => [],
};

const unused: Rule = {
  code: "LIMPET-L103",
  family: "input",
  severity: "info",
  title: "Suppression of what is not found",
  why: "The fault it was for is gone, or the comment stands at another line than the finding. Left in, it would hide the next one.",
  wrong: ignoring("# limpet:ignore LIMPET-R101 hashing is not meant here"),
  right: yaml(workload()),
  source: "limpet",
  check: () => [],
};

const KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n";

const missingFile: Rule = {
  code: "LIMPET-L104",
  family: "input",
  severity: "error",
  title: "A listed file that is not there",
  why: "kubectl apply -k stops at it and applies nothing. Here the rest is looked at all the same.",
  wrong: `${KUSTOMIZATION}- objects.yaml\n- prometheus.yaml\n`,
  right: `${KUSTOMIZATION}- objects.yaml\n`,
  exampleFile: "kustomization.yaml",
  source: "kubernetes-sigs/kustomize api/internal/target/kusttarget.go",
  check: (facts) =>
    facts.missingFiles.map(({ message, remedy, ...at }) => ({
      object: `Kustomization ${at.file}`,
      at,
      message: `${message.split(";")[0]}, so kubectl kustomize stops here and nothing is applied.`,
      remedy: remedy.split(";")[0] ?? remedy,
    })),
};

const loaded: Rule = {
  code: "LIMPET-L105",
  family: "input",
  severity: "warning",
  title: "A patch that meets no object",
  why: "kustomize takes it without a word and leaves the manifests as they were.",
  wrong: `${KUSTOMIZATION}- objects.yaml\npatches:\n- target: {kind: Deployment, name: web}\n  patch: '[{op: add, path: /spec/replicas, value: 2}]'\n`,
  right: `${KUSTOMIZATION}- objects.yaml\n`,
  exampleFile: "kustomization.yaml",
  source: "kubernetes-sigs/kustomize",
  check: (facts) =>
    facts.loaderFindings.map(({ message, remedy, ...at }) => ({
      object: `Kustomization ${at.file}`,
      at,
      message: `${message.replace(/\.$/, "")}.`,
      remedy,
    })),
};

const unknownField: Rule = {
  code: "LIMPET-L106",
  family: "input",
  severity: "warning",
  title: "A field that the kind does not have",
  why: "The API server drops it, or kubectl refuses the file. Where it is dropped, the default holds in place of what was meant.",
  wrong: yaml(workload({ container: "readynessProbe: {httpGet: {path: /ready, port: 8080}}" })),
  right: yaml(workload({ container: "readinessProbe: {httpGet: {path: /ready, port: 8080}}" })),
  source: "kubernetes-models, @kubernetes-models/istio, @kubernetes-models/keda; Kubernetes field validation",
  fix: "renames a field that differs from a known one by a letter or by upper and lower case, where that is not given too",
  check: (facts) =>
    [...facts.unknownFields].flatMap(([manifest, fields]) =>
      fields.map(({ path, known }) => {
        const field = String(path.at(-1));
        const meant = nearest(field, known);
        const found = report(
          manifest,
          path,
          `${shownPath(path)} is no field of ${manifest.kind} in ${manifest.apiVersion}.`,
          meant === null
            ? `fields here are ${[...known].sort().slice(0, 12).join(", ")}`
            : `did you mean ${meant}?`,
        );
        const isSure =
          meant !== null && (isSlip(meant, field) || meant.toLowerCase() === field.toLowerCase());
        return isSure && at(manifest.body, ...path.slice(0, -1), meant) === undefined
          ? fixedBy(found, renaming(manifest, path, meant))
          : found;
      }),
    ),
};

export const INPUT_RULES: readonly Rule[] = [noReason, noSuchCode, unused, missingFile, loaded, unknownField];
