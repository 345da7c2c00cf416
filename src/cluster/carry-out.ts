/** Carries a plan out: looks, does what is needed, waits until it is so. The one loop of set-up and clean-up. */
import { type Clock, secondsToUs, sleep } from "../clock/clock.ts";
import type { Command, Outcome, RunCommand } from "../exec/run-command.ts";
import { shown } from "./commands.ts";
import { hintFor } from "./hints.ts";
import { LookFailed } from "./observe.ts";
import type { SmokeCheck, SmokeTest } from "./smoke.ts";
import type { State } from "./state.ts";
import { refusal, type Step } from "./step.ts";
import { lastLine } from "./tools.ts";

/** Between two looks. */
const LOOK_SECONDS = 2;
const RETRY_SECONDS = 5;
const SMOKE_COMMAND_SECONDS = 30;
/** Of a failed program, what is shown. */
const LINES_SHOWN = 12;

/** A step that did not come about: everything a person needs to go on. */
export class StepFailed extends Error {
  constructor(step: Pick<Step, "title">, what: string, said: string, hint: string | null) {
    const lines = said.trim().split("\n").filter(Boolean).slice(-LINES_SHOWN);
    const quoted = lines.map((line) => `\n    ${line}`).join("");
    super(`${step.title}: ${what}${quoted}${hint === null ? "" : `\n  ${hint}`}`);
    this.name = "StepFailed";
  }
}

/** The context of our name leads elsewhere: nothing was done. */
export class Refused extends Error {}

export class Interrupted extends Error {}

export type CarryOut = {
  readonly run: RunCommand;
  readonly observe: () => Promise<State>;
  readonly clock: Clock;
  readonly interrupted: AbortSignal;
  /** One line for the person who waits. */
  readonly say: (line: string) => void;
};

/** Answers how many steps there were to do. */
export async function carryOut(steps: readonly Step[], on: CarryOut): Promise<number> {
  let state = await look(on);
  let done = 0;
  for (const step of steps) {
    if (!step.needed(state)) continue;
    on.say(`▸ ${step.title}`);
    for (const command of step.commands(state)) await doCommand(step, command, on);
    state = await settle(step, on);
    done++;
  }
  return done;
}

async function look({ observe, interrupted }: CarryOut): Promise<State> {
  const state = await observe();
  if (interrupted.aborted) throw new Interrupted();
  const why = refusal(state);
  if (why !== null) throw new Refused(why);
  return state;
}

async function doCommand(step: Step, command: Command, on: CarryOut): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    on.say(`    ${shown(command)}`);
    const outcome = await on.run(command, step.commandSeconds);
    if (outcome.ended === "interrupted" || on.interrupted.aborted) throw new Interrupted();
    if (outcome.ended === "by itself" && outcome.code === 0) return;
    if (outcome.ended !== "by itself" || attempt >= (step.attempts ?? 1))
      throw failed(step, command, outcome);
    on.say(`    not yet: ${lastLine(outcome)}; once more in ${RETRY_SECONDS} s`);
    await sleep(on.clock, secondsToUs(RETRY_SECONDS), on.interrupted);
  }
}

function failed(step: Step, command: Command, outcome: Outcome): StepFailed {
  const how = {
    "by itself": `exit code ${outcome.code}`,
    "timed out": `not done in ${step.commandSeconds} s, and ended`,
    "not found": "no such program",
    interrupted: "interrupted",
  }[outcome.ended];
  const said = outcome.stderr.trim() === "" ? outcome.stdout : outcome.stderr;
  return new StepFailed(step, `${shown(command)}: ${how}`, said, hintFor(said));
}

/** Looks until nothing is missing. What a look cannot see for a moment (a server that restarts) is not yet a failure. */
async function settle(step: Step, on: CarryOut): Promise<State> {
  const deadlineUs = on.clock.nowUs() + secondsToUs(step.settleSeconds);
  let told = "";
  for (;;) {
    let missing: string | null;
    try {
      const state = await look(on);
      missing = step.missing(state);
      if (missing === null) return state;
    } catch (error) {
      if (!(error instanceof LookFailed)) throw error;
      missing = `${shown(error.command)}: ${error.message}`;
    }
    if (on.interrupted.aborted) throw new Interrupted();
    if (on.clock.nowUs() >= deadlineUs)
      throw new StepFailed(
        step,
        `not so after ${step.settleSeconds} s; last seen: ${missing}`,
        "",
        hintFor(missing),
      );
    if (missing !== told) on.say(`    waiting, at most ${step.settleSeconds} s: ${missing}`);
    told = missing;
    await sleep(on.clock, secondsToUs(LOOK_SECONDS), on.interrupted);
  }
}

/** The smoke test, until all passes or its time is up: a first scrape and a first poll take some seconds. Answers the last look. */
export async function smoke(
  tests: readonly SmokeTest[],
  limitSeconds: number,
  { run, clock, interrupted, say }: Omit<CarryOut, "observe">,
): Promise<readonly SmokeCheck[]> {
  say("▸ smoke test");
  for (const { command } of tests) say(`    ${shown(command)}`);
  const deadlineUs = clock.nowUs() + secondsToUs(limitSeconds);
  for (;;) {
    const checks: SmokeCheck[] = [];
    for (const { command, judge } of tests) {
      const outcome = await run(command, SMOKE_COMMAND_SECONDS);
      if (interrupted.aborted) throw new Interrupted();
      checks.push(...judge(outcome));
    }
    if (checks.every(({ ok }) => ok) || clock.nowUs() >= deadlineUs) return checks;
    await sleep(clock, secondsToUs(LOOK_SECONDS), interrupted);
  }
}
