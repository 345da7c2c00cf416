import { InvalidArgumentError } from "commander";
import { MAX_SPEED } from "../engines/engine.ts";

const MAX_PORT = 65_535;

export function speed(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value > 0 && value <= MAX_SPEED))
    throw new InvalidArgumentError(`A number above 0 is wanted, at most ${MAX_SPEED}.`);
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("A whole number, 0 or more, is wanted.");
  return value;
}

export function port(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > MAX_PORT)
    throw new InvalidArgumentError(`A port is wanted, 0 to ${MAX_PORT}; 0 takes a free one.`);
  return Number(text);
}
