/** Other people's files of every shape: each gets a clear answer. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { lint } from "./lint-test-kit.ts";

const root = mkdtempSync(join(tmpdir(), "limpet-shapes-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {ports: [{port: 80}]}\n";
const many = (count: number): string =>
  Array.from({ length: count }, (_, i) => SERVICE.replace("name: api", `name: api-${i}`)).join("---\n");

const files: Readonly<Record<string, string | Buffer>> = {
  "plain/service.yaml": SERVICE,
  "plain/README.md": "# not a manifest",
  "json/service.json": JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: [
      { apiVersion: "v1", kind: "Service", metadata: { name: "api" }, spec: { ports: [{ port: 80 }] } },
    ],
  }),
  "bom.yaml": `\uFEFF${SERVICE}`,
  "crlf.yaml": `# windows\r\n${SERVICE.replaceAll("\n", "\r\n")}`,
  "comments.yaml": `---\n---\n# nothing yet\n---\n# the API\n${SERVICE}---\n`,
  "anchors.yaml": `${SERVICE}---\napiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a}\ndata: {<<: &d {A: "1"}, B: "2"}\n`,
  "rendered.yaml": `---\n# Source: chart/templates/service.yaml\n${SERVICE.replace("{name: api}", "\n  name: api\n  labels:\n    helm.sh/chart: x-1")}`,
  "generated.yaml":
    "apiVersion: v1\nkind: Pod\nmetadata: {generateName: hook-}\nspec: {restartPolicy: Never}\n---\n".repeat(
      2,
    ),
  "mesh.yaml": `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: all, namespace: istio-system}\nspec: {host: "*.local"}\n---\n${SERVICE}---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: api}\nspec: {hosts: [api.default.svc.cluster.local], http: [{route: [{destination: {host: api.default.svc.cluster.local}}], timeout: 1s, retries: {attempts: 0}}]}\n`,
  "many.yaml": many(900),
  "empty/.keep": "",
  "nested/deploy/service.yaml": SERVICE,
  "blank.yaml": "---\n# nothing\n---\n",
  "text.yaml": "just words\n",
  "array.yaml": "[1, 2]\n",
  "tabs.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n\tname: api\n",
  "twice.yaml": `${SERVICE}---\n${SERVICE}`,
  "keys.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nmetadata: {name: b}\n",
  "latin.yaml": Buffer.from(
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: caf\u00e9}\n",
    "latin1",
  ),
  "utf16.yaml": Buffer.from(`\uFEFF${SERVICE}`, "utf16le"),
  "chart/Chart.yaml": "apiVersion: v2\nname: x\nversion: 0.1.0\n",
  "chart/templates/service.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n",
  "values/values.yaml": "replicas: 3\n",
  "deep.yaml": `a: ${"[".repeat(5000)}${"]".repeat(5000)}\n`,
  "bomb.yaml": `a: &a [x, x, x, x, x, x, x, x]\n${"bcdefghi"
    .split("")
    .map((key, i) => `${key}: &${key} [${Array(8).fill(`*${"abcdefgh"[i]}`).join(", ")}]\n`)
    .join("")}`,
};
for (const [name, text] of Object.entries(files)) {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
}
mkdirSync(join(root, "links"));
symlinkSync("../plain/service.yaml", join(root, "links", "service.yaml"));
symlinkSync("nowhere.yaml", join(root, "links", "broken.yaml"));
symlinkSync(".", join(root, "links", "loop"));
symlinkSync("ring", join(root, "ring"));

test.each([
  ["a folder with other files beside", ["plain"], 1],
  ["a List in JSON", ["json"], 1],
  ["a byte order mark", ["bom.yaml"], 1],
  ["CRLF", ["crlf.yaml"], 1],
  ["empty documents and comments", ["comments.yaml"], 1],
  ["anchors and merges", ["anchors.yaml"], 2],
  ["a chart that is rendered", ["rendered.yaml"], 1],
  ["objects whose names the server makes", ["generated.yaml"], 2],
  ["an object of the mesh beside some without a namespace", ["mesh.yaml"], 3],
  ["a long file", ["many.yaml"], 900],
  ["links, one of them broken, one a loop", ["links"], 1],
  ["a file through a link to a folder", ["links/loop/loop/service.yaml"], 1],
  ["a file beside its folder", ["plain/service.yaml", "plain"], 1],
])("%s: exit 0", async (_shape, paths, objects) => {
  const { code, out, err } = await lint(root, [...paths, "--format", "json"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(JSON.parse(out)).toMatchObject({ objects, findings: [] });
});

test.each([
  ["a folder without YAML", ["empty"], "empty: no kustomization.yaml and no YAML files in it."],
  [
    "a folder with manifests below",
    ["nested"],
    "no kustomization.yaml and no YAML files in it. Below it: nested/deploy",
  ],
  ["only comments", ["blank.yaml"], "blank.yaml: no Kubernetes objects in it"],
  ["text", ["text.yaml"], "text.yaml:1:1: a Kubernetes object was expected, found a value"],
  ["a list", ["array.yaml"], "array.yaml:1:1: a Kubernetes object was expected, found a list"],
  ["tabs", ["tabs.yaml"], "tabs.yaml:4:1: cannot read this as YAML: Tabs are not allowed as indentation"],
  [
    "an object twice",
    ["twice.yaml"],
    "twice.yaml:6:1: Service api is given twice; the first is at twice.yaml:1:1",
  ],
  ["a key twice", ["keys.yaml"], "keys.yaml:4:1: cannot read this as YAML: Map keys must be unique"],
  ["Latin-1", ["latin.yaml"], "latin.yaml is not UTF-8; save it as UTF-8"],
  ["UTF-16", ["utf16.yaml"], "utf16.yaml is not UTF-8 but UTF-16; save it as UTF-8"],
  ["a Helm chart", ["chart"], "chart: a Helm chart; render it and pipe it: helm template chart | limpet"],
  [
    "a Helm template",
    ["chart/templates"],
    "chart/templates/service.yaml:4:9: a template, not YAML; render it",
  ],
  [
    "Helm values",
    ["values"],
    "values/values.yaml:1:1: a Kubernetes object needs apiVersion, kind, metadata.name",
  ],
  ["nested without end", ["deep.yaml"], "cannot read this as YAML: nested too deep"],
  ["a bomb of aliases", ["bomb.yaml"], "more than 500000 values in the manifests"],
  ["a name that is nothing", ["nowhere"], "nowhere: no such file or folder"],
  ["a link to nothing", ["links/broken.yaml"], "links/broken.yaml: no such file or folder"],
  ["a link to itself", ["ring"], "ring: no such file or folder"],
  ["a path below a file", ["text.yaml/below"], "text.yaml/below: no such file or folder"],
  ["a device", ["/dev/null"], "/dev/null: neither a file nor a folder; pipe it in and name - in its place"],
  ["nothing on standard input", ["-"], "nothing came on standard input"],
])("%s: exit 2, in words", async (_shape, paths, words) => {
  const { code, out, err } = await lint(root, paths);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toContain(words);
  expect(err).not.toMatch(/\n\s+at |fault of limpet|call stack/);
  expect(err.split("\n").length).toBeLessThan(5);
});
