import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prometheusApi, type TargetStatus } from "./http-api.ts";
import { queryPrometheus, queryTsdb } from "./query-client.ts";
import { Tsdb } from "./tsdb.ts";

const T = 1_700_000_000;
const target: TargetStatus = {
  scrapePool: "api",
  scrapeUrl: "http://10.244.0.7:8000/metrics",
  discoveredLabels: { __address__: "10.244.0.7:8000" },
  labels: { job: "api", instance: "10.244.0.7:8000" },
  health: "up",
  lastError: "",
  lastScrapeMs: T * 1000 + 250,
  lastScrapeDurationSeconds: 0.01,
  scrapeIntervalSeconds: 5,
  scrapeTimeoutSeconds: 1,
};

let server: Server;
let baseUrl = "";
const tsdb = new Tsdb();

beforeAll(async () => {
  for (const [tier, value] of [
    ["small", 3],
    ["large", 0.0000001],
  ] as const) {
    tsdb.append({ __name__: "tenants", tier }, T * 1000 - 500, value);
    tsdb.append({ __name__: "tenants", tier }, T * 1000 + 500, value);
  }
  server = createServer(
    prometheusApi({
      tsdb,
      nowUnixMs: () => T * 1000 + 1000,
      targets: () => [target],
      metadata: () => new Map([["tenants", [{ type: "gauge", help: "Tenants" }]]]),
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  baseUrl = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
afterAll(() => {
  server.close();
});

async function get(path: string, form?: string): Promise<{ status: number; body: string; type: string }> {
  const { statusCode, body, headers } = await request(
    `${baseUrl}${path}`,
    form === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body: form },
  );
  return { status: statusCode, body: await body.text(), type: String(headers["content-type"]) };
}

const bothRows = `[{"metric":{"__name__":"tenants","tier":"small"},"value":[${T + 1},"3"]},{"metric":{"__name__":"tenants","tier":"large"},"value":[${T + 1},"1e-07"]}]`;

describe("answers, byte for byte", () => {
  test.each([
    ["query?query=tenants", `{"status":"success","data":{"resultType":"vector","result":${bothRows}}}`],
    [
      `query?query=tenants{tier="small"}&time=${T + 1.5}`,
      `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"tenants","tier":"small"},"value":[${T + 1}.500,"3"]}]}}`,
    ],
    [
      "query?query=1e-7&time=5.5",
      '{"status":"success","data":{"resultType":"scalar","result":[5.5,"0.0000001"]}}',
    ],
    ["query?query='x'&time=5", '{"status":"success","data":{"resultType":"string","result":[5,"x"]}}'],
    ["query?query=nothing", '{"status":"success","data":{"resultType":"vector","result":[]}}'],
    [
      `query_range?query=tenants{tier="small"}&start=${T}&end=${T + 1}&step=1`,
      `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"tenants","tier":"small"},"values":[[${T},"3"],[${T + 1},"3"]]}]}}`,
    ],
    [
      'series?match[]=tenants{tier="small"}',
      '{"status":"success","data":[{"__name__":"tenants","tier":"small"}]}',
    ],
    ["labels", '{"status":"success","data":["__name__","tier"]}'],
    ["label/tier/values", '{"status":"success","data":["large","small"]}'],
    [
      "label/tier/values?limit=1",
      '{"status":"success","data":["large"],"warnings":["results truncated due to limit"]}',
    ],
    ["label/nothing/values", '{"status":"success","data":[]}'],
    // The samples are half a second old.
    [
      "query?query=tenants&lookback_delta=400ms",
      '{"status":"success","data":{"resultType":"vector","result":[]}}',
    ],
    [
      "query?query=tenants&lookback_delta=0&timeout=30s",
      `{"status":"success","data":{"resultType":"vector","result":${bothRows}}}`,
    ],
    ["alertmanagers", '{"status":"success","data":{"activeAlertmanagers":[],"droppedAlertmanagers":[]}}'],
    ["metadata", '{"status":"success","data":{"tenants":[{"type":"gauge","help":"Tenants","unit":""}]}}'],
    [
      "query?query=quantile(2,tenants)",
      `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[${T + 1},"+Inf"]}]},"warnings":["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]}`,
    ],
  ])("%s", async (path, body) => {
    expect(await get(`/api/v1/${path}`)).toEqual({ status: 200, body, type: "application/json" });
  });

  test("times may be RFC 3339, and a form may carry the query", async () => {
    const { body } = await get(
      "/api/v1/query?time=5",
      "query=time()&time=2023-11-14T23%3A13%3A20.5%2B01%3A00",
    );
    expect(body).toBe(`{"status":"success","data":{"resultType":"scalar","result":[${T}.5,"${T}.5"]}}`);
  });

  test("targets", async () => {
    const { body } = await get("/api/v1/targets");
    expect(JSON.parse(body)).toMatchObject({
      data: {
        activeTargets: [
          { health: "up", scrapePool: "api", lastScrape: "2023-11-14T22:13:20.25Z", scrapeInterval: "5s" },
        ],
        droppedTargets: [],
      },
    });
  });
});

describe("refusals", () => {
  test.each([
    [
      "query?query=foo bar",
      400,
      "bad_data",
      'invalid parameter "query": 1:5: parse error: unexpected identifier "bar"',
    ],
    [
      "query",
      400,
      "bad_data",
      'invalid parameter "query": unknown position: parse error: no expression found in input',
    ],
    [
      "query?query=1&time=soon",
      400,
      "bad_data",
      `invalid parameter "time": invalid time value for 'time': cannot parse "soon" to a valid timestamp`,
    ],
    ["query?query=topk(NaN,tenants)", 422, "execution", "Parameter value is NaN"],
    [
      "query_range?query=1&start=5&end=1&step=1",
      400,
      "bad_data",
      'invalid parameter "end": end timestamp must not be before start time',
    ],
    [
      "query_range?query=1&start=0&end=11001&step=1",
      400,
      "bad_data",
      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    ],
    [
      "query_range?query=1&start=0&end=1&step=0",
      400,
      "bad_data",
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    ],
    [
      "query_range?query=tenants[5m]&start=0&end=1&step=1",
      400,
      "bad_data",
      'invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    ],
    ["series", 400, "bad_data", "no match[] parameter provided"],
    [
      "series?match[]={}",
      400,
      "bad_data",
      'invalid parameter "match[]": match[] must contain at least one non-empty matcher',
    ],
    [
      "query?query=1&timeout=long",
      400,
      "bad_data",
      'invalid parameter "timeout": cannot parse "long" to a valid duration',
    ],
    [
      "query_range?query=1&start=0&end=1&step=1&lookback_delta=far",
      400,
      "bad_data",
      'error parsing lookback delta duration: cannot parse "far" to a valid duration',
    ],
    ["metadata?limit=all", 400, "bad_data", "limit must be a number"],
    ["label/%ff/values", 400, "bad_data", 'invalid label name: "%ff"'],
    [
      "query?query=1&limit=x",
      400,
      "bad_data",
      'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax',
    ],
  ])("%s", async (path, status, errorType, error) => {
    const answer = await get(`/api/v1/${path}`);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual({ status: "error", errorType, error });
  });

  test("what is not there is 404, and a POST where there is none 405", async () => {
    expect((await get("/api/v1/nothing")).status).toBe(404);
    expect((await get("/api/v1/targets", "")).status).toBe(405);
  });

  test("a body beyond the limit", async () => {
    const { status } = await get("/api/v1/query", `query=${"1".repeat(11 * 1024 * 1024)}`);
    expect(status).toBe(400);
  });
});

test.each([
  ["/-/ready", "Prometheus Server is Ready.\n"],
  ["/-/healthy", "Prometheus Server is Healthy.\n"],
])("%s", async (path, body) => {
  expect(await get(path)).toMatchObject({ status: 200, body });
});

describe("the client sees the same over HTTP as in process", () => {
  test.each([
    "tenants",
    "sum(tenants)",
    "scalar(tenants)",
    "nothing",
    "foo bar",
    "topk(NaN, tenants)",
    "rate(tenants[5m])",
  ])("%s", async (query) => {
    const asked = { query, timeUnixSeconds: T + 1 };
    const remote = await queryPrometheus({ ...asked, baseUrl, timeoutMs: 5000 });
    expect(remote).toEqual(queryTsdb(tsdb, asked));
  });

  test("no server, no answer: no status, and the reason", async () => {
    const answer = await queryPrometheus({ baseUrl: "http://127.0.0.1:1", query: "up", timeoutMs: 5000 });
    expect(answer).toMatchObject({ httpStatus: null, result: null });
    expect(answer.error).toContain("ECONNREFUSED");
  });

  test("a whole-second time does not see a younger sample", () => {
    const store = new Tsdb();
    store.append({ __name__: "m" }, 5700, 1);
    expect(queryTsdb(store, { query: "m", timeUnixSeconds: 5 }).result).toEqual([]);
    expect(queryTsdb(store, { query: "m", timeUnixSeconds: 6 }).result).toEqual([
      { metric: { __name__: "m" }, value: [6, "1"] },
    ]);
  });
});
