/** The comparison with one real Prometheus, as tests. */
import { once } from "node:events";
import { createServer } from "node:http";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prometheusApi } from "../http-api.ts";
import { Tsdb } from "../tsdb.ts";
import { type ApiQuestion, apiQuestions } from "./api-questions.ts";
import { difference } from "./compare.ts";
import { generateQueries } from "./generated-queries.ts";
import { broken, experimental, handWritten, onlyIn2 } from "./known-queries.ts";
import { startPrometheus, writeSamples, type RealPrometheus } from "./real-prometheus.ts";
import { slicesOf } from "./remote-write.ts";
import { makeRecording, RECORDING_END_MS, RECORDING_START_MS } from "./recording.ts";

export type JudgeOptions = {
  /** The Prometheus to hold our answers against, and its major version. */
  readonly binary: string;
  readonly version: 2 | 3;
  readonly seed: number;
  /** How many queries to make from the seed, beside the hand-written ones. */
  readonly generated: number;
  /** Told at the end what was compared. */
  readonly onEnd?: (figures: Figures) => void;
};

export type Figures = {
  readonly series: number;
  /** Different texts. */
  readonly queries: number;
  readonly generated: number;
  /** Queries asked of both, each instant and each range once. */
  readonly answers: number;
  readonly differing: number;
};

/** Which of equal samples comes first is no promise; version 2 has an order of its own. */
const tied = /^(topk|bottomk)\(/;

/** Version 2 loses points of predict_linear with `@`, and sums in the order of a Go map. */
const odd = /predict_linear.*@|cancelling/;

type Judge = { readonly ours: string; readonly theirs: RealPrometheus; readonly stop: () => void };

async function startBoth({ binary, version, seed }: JudgeOptions, withExperimental = false): Promise<Judge> {
  const recording = makeRecording(seed);
  const tsdb = new Tsdb();
  for (const { labels, samples } of slicesOf(recording).flat())
    for (const { tMs, value } of samples)
      if (value === "stale") tsdb.appendStale(labels, tMs);
      else tsdb.append(labels, tMs, value);
  const theirs = await startPrometheus(
    binary,
    withExperimental ? ["--enable-feature=promql-experimental-functions"] : [],
  );
  await writeSamples(theirs.baseUrl, recording);
  const server = createServer(
    prometheusApi({
      tsdb,
      nowUnixMs: () => RECORDING_END_MS,
      targets: () => [],
      query: { version, experimentalFunctions: withExperimental },
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { ours: `http://127.0.0.1:${port}`, theirs, stop: () => server.close() };
}

async function ask(baseUrl: string, path: string, params: Record<string, string>): Promise<string> {
  const { body } = await request(`${baseUrl}/api/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(params).toString(),
  });
  return body.text();
}

/** Status, content type and body; lists whose order is no promise are sorted. */
async function askApi(baseUrl: string, { method, path, form }: ApiQuestion): Promise<string> {
  const { statusCode, headers, body } = await request(`${baseUrl}${path}`, {
    method,
    ...(form === undefined
      ? {}
      : { headers: { "content-type": "application/x-www-form-urlencoded" }, body: form }),
  });
  const text = await body.text();
  const isSet = path.includes("/series") || !/query_range|metadata/.test(path);
  return `${statusCode} ${String(headers["content-type"])} ${isSet ? sorted(text) : text}`;
}

function sorted(text: string): string {
  if (!text.startsWith('{"status":"success"')) return text;
  const answer = JSON.parse(text) as { data: unknown };
  const lists = [answer.data, (answer.data as { result?: unknown }).result].filter((one) =>
    Array.isArray(one),
  );
  for (const list of lists)
    list.sort((a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return JSON.stringify(answer);
}

export function judgeSuite(options: JudgeOptions): void {
  const { version, seed, generated } = options;
  const asked = new Set<string>();
  let answers = 0;
  let differing = 0;

  /** The queries that the two answer otherwise, and how. */
  const differences = async (
    judge: Judge,
    queries: readonly string[],
    path: string,
    params: Record<string, string>,
  ): Promise<string[]> => {
    const all: string[] = [];
    for (const query of queries) {
      const question = { ...params, query };
      const [ours, theirs] = await Promise.all([
        ask(judge.ours, path, question),
        ask(judge.theirs.baseUrl, path, question),
      ]);
      answers++;
      asked.add(query);
      const found = difference(ours, theirs, {
        notes: version === 3,
        valuesOnly: version === 2 && tied.test(query),
      });
      if (found === null) continue;
      differing++;
      all.push(`${query}\n    ${found}`);
    }
    return all;
  };

  describe(`answers beside a real Prometheus ${version}`, () => {
    let judge: Judge;
    beforeAll(async () => {
      judge = await startBoth(options);
    }, 60_000);
    afterAll(async () => {
      judge.stop();
      await judge.theirs[Symbol.asyncDispose]();
      options.onEnd?.({
        series: makeRecording(seed).length,
        queries: asked.size,
        generated,
        answers,
        differing,
      });
    });

    const compare = (queries: readonly string[], path: string, params: Record<string, string>) =>
      differences(judge, queries, path, params);

    const seconds = (ms: number): string => String(ms / 1000);
    const instants = [0.31, 0.62, 0.9].map((share) =>
      Math.round(RECORDING_START_MS + share * (RECORDING_END_MS - RECORDING_START_MS)),
    );
    // On the dot of a scrape, where open and closed windows differ.
    instants.push(RECORDING_START_MS + 1_200_000);

    test.each(instants)("hand-written queries at %i", { timeout: 120_000 }, async (tMs) => {
      expect(await compare(handWritten, "query", { time: seconds(tMs) })).toEqual([]);
    });

    test("hand-written queries over a range", { timeout: 120_000 }, async () => {
      const range = {
        start: seconds(RECORDING_START_MS + 300_000),
        end: seconds(RECORDING_END_MS),
        step: "47",
      };
      const vectors = handWritten.filter((query) => !/^["'`]|\[[^\])]*\][^)]*$/.test(query));
      expect(await compare(vectors, "query_range", range)).toEqual([]);
    });

    test(`${generated} generated queries`, { timeout: 300_000 }, async () => {
      const queries = generateQueries(seed, generated).filter((query) => version === 3 || !odd.test(query));
      expect(await compare(queries, "query", { time: seconds(instants[1] ?? 0) })).toEqual([]);
      const range = {
        start: seconds(RECORDING_START_MS + 600_000),
        end: seconds(RECORDING_END_MS),
        step: "113",
      };
      expect(await compare(queries.slice(0, 200), "query_range", range)).toEqual([]);
    });

    test("what is an error there is an error here", { timeout: 60_000 }, async () => {
      expect(await compare(broken, "query", { time: seconds(instants[0] ?? 0) })).toEqual([]);
    });

    // Version 2 words some of them otherwise.
    if (version === 3)
      test("errors are worded as Prometheus words them", { timeout: 60_000 }, async () => {
        const differing: string[] = [];
        for (const query of broken) {
          const [ours, theirs] = await Promise.all(
            [judge.ours, judge.theirs.baseUrl].map((baseUrl) =>
              ask(baseUrl, "query", { query, time: "1700000900" }),
            ),
          );
          if (ours !== theirs) differing.push(`${query}\n    ${ours}\n    ${theirs}`);
        }
        expect(differing).toEqual([]);
      });

    // Version 2 has neither limits nor these words everywhere.
    if (version === 3)
      test(
        `${apiQuestions.length} requests to the API: status, type and body`,
        { timeout: 60_000 },
        async () => {
          const differing: string[] = [];
          for (const question of apiQuestions) {
            const [ours, theirs] = await Promise.all(
              [judge.ours, judge.theirs.baseUrl].map((baseUrl) => askApi(baseUrl, question)),
            );
            if (ours !== theirs)
              differing.push(`${question.method} ${question.path}\n    ${ours}\n    ${theirs}`);
          }
          expect(differing).toEqual([]);
        },
      );

    test("functions that not every Prometheus has", { timeout: 60_000 }, async () => {
      const time = seconds(instants[1] ?? 0);
      if (version === 2) return expect(await compare(onlyIn2, "query", { time })).toEqual([]);
      const other = await startBoth(options, true);
      try {
        expect(await differences(other, experimental, "query", { time })).toEqual([]);
      } finally {
        other.stop();
        await other.theirs[Symbol.asyncDispose]();
      }
    });
  });
}
