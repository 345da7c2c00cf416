/** How each rule about behaviour proves itself, or why it cannot. */
import type { Code } from "./rule.ts";
import { KEDA_SHOWS } from "./shows/keda.ts";
import { NOT_SHOWN } from "./shows/not-shown.ts";
import { OTHERS_SHOWS } from "./shows/others.ts";
import { ROUTING_SHOWS } from "./shows/routing.ts";
import type { Show } from "./shows/show.ts";

const SHOWS: Readonly<Record<Code, Show>> = { ...ROUTING_SHOWS, ...KEDA_SHOWS, ...OTHERS_SHOWS };

export const showOf = (code: Code): { readonly show: Show } | { readonly whyNot: string } => {
  const show = SHOWS[code];
  return show === undefined ? { whyNot: NOT_SHOWN[code] ?? "it has no demonstration" } : { show };
};

export const SHOWN_CODES = Object.keys(SHOWS) as readonly Code[];
export const NOT_SHOWN_CODES = Object.keys(NOT_SHOWN) as readonly Code[];
