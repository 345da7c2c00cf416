#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";

// A run of a second is over before most code is worth V8's best compiler, which else takes a third of all its processor
// time: code has to prove itself three times as long as by default. The flag is that of Node 20's V8.
if (process.versions.v8.startsWith("11.")) setFlagsFromString("--interrupt-budget=400000");
await import("../dist/cli/main.js");
