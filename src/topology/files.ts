/** Reading the user's files: bounded, and named in messages as they stand below the topology's folder. */
import { isUtf8 } from "node:buffer";
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Located } from "./located.ts";
import { parseYaml } from "./parse-yaml.ts";
import { LIMITS, type Budget, type Problems } from "./problems.ts";
import type { Source } from "./types.ts";

export const KUSTOMIZATION_NAMES = ["kustomization.yaml", "kustomization.yml", "Kustomization"] as const;

export class Files {
  readonly root: string;
  readonly problems: Problems;
  readonly budget: Budget;
  readonly #read = new Map<string, readonly Located[] | null>();
  readonly #names: string[] = [];
  readonly #instead: ReadonlyMap<string, string>;

  /** `instead`: texts that take the place of what is on the disk, by full path. */
  constructor(
    root: string,
    problems: Problems,
    budget: Budget,
    instead: ReadonlyMap<string, string> = new Map(),
  ) {
    this.root = resolve(root);
    this.problems = problems;
    this.budget = budget;
    this.#instead = instead;
  }

  /** Every file that was read, as messages name it, in order. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** How messages name a file: its path below the topology's folder, with `/`. */
  shownName(path: string): string {
    return relative(this.root, path).split(sep).join("/");
  }

  /** `other`: a pipe or a device, which can be read only once or not at all. */
  kind(path: string): "file" | "folder" | "other" | "absent" {
    try {
      const found = statSync(path);
      if (found.isDirectory()) return "folder";
      return found.isFile() ? "file" : "other";
    } catch {
      // Not there, below a file, behind a ring of links, or in a folder that may not be entered.
      return "absent";
    }
  }

  /** The kustomization of a folder, or null. */
  kustomizationOf(folder: string): string | null {
    for (const name of KUSTOMIZATION_NAMES) {
      const path = join(folder, name);
      if (this.kind(path) === "file") return path;
    }
    return null;
  }

  /** The manifests' files of a folder that has no kustomization, by name; as `kubectl apply -f`, not below it. */
  manifestFiles(folder: string): string[] {
    return this.#entries(folder)
      .map(({ name }) => name)
      .filter((name) => /\.(ya?ml|json)$/.test(name) && !/^limpet\.ya?ml$/.test(name))
      .sort()
      .map((name) => join(folder, name))
      .filter((path) => this.kind(path) === "file");
  }

  /** Folders at or below `folder` (three levels) that have a kustomization or manifests, for a message. */
  topologiesBelow(folder: string, levels = 3): string[] {
    const found: string[] = [];
    const look = (path: string, left: number): void => {
      if (found.length >= 8) return;
      for (const entry of this.#entries(path)) {
        if (!entry.isDirectory() || entry.name.startsWith(".") || entry.name === "node_modules") continue;
        const inner = join(path, entry.name);
        if (this.kustomizationOf(inner) !== null || this.manifestFiles(inner).length > 0)
          found.push(relative(folder, inner).split(sep).join("/"));
        else if (left > 1) look(inner, left - 1);
      }
    };
    look(folder, levels);
    return found;
  }

  #entries(folder: string): Dirent[] {
    try {
      return readdirSync(folder, { withFileTypes: true });
    } catch (error) {
      const name = this.shownName(folder) || ".";
      return this.problems.fail(null, `cannot read the folder ${name}: ${(error as Error).message}`);
    }
  }

  /** Where no place leads to the file, it is named as the user would. */
  #named(path: string, where: Source | null): string {
    const name = this.shownName(path);
    return where === null ? this.problems.named(name) : name;
  }

  /** The text of a file, or null with a problem said. */
  text(path: string, where: Source | null): string | null {
    if (++this.budget.files > LIMITS.files)
      this.problems.fail(where, `more than ${LIMITS.files} files; name a smaller part of them`);
    try {
      const { size } = statSync(path);
      if (size > LIMITS.fileBytes) {
        this.problems.add(
          where,
          `${this.#named(path, where)} has ${size} bytes; at most ${LIMITS.fileBytes} are read`,
        );
        return null;
      }
      const text = this.#instead.get(path) ?? this.#decoded(path, where);
      if (text === null) return null;
      this.#names.push(this.shownName(path));
      return text;
    } catch (error) {
      this.problems.add(where, `cannot read ${this.#named(path, where)}: ${(error as Error).message}`);
      return null;
    }
  }

  #decoded(path: string, where: Source | null): string | null {
    const bytes = readFileSync(path);
    if (isUtf8(bytes)) return bytes.toString("utf8");
    const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    this.problems.add(
      where,
      `${this.#named(path, where)} is not UTF-8${isUtf16 ? " but UTF-16" : ""}; save it as UTF-8, which is what kubectl reads`,
    );
    return null;
  }

  /** The YAML (or JSON) documents of a file; a file is parsed once. */
  documents(path: string, where: Source | null): readonly Located[] {
    const known = this.#read.get(path);
    if (known !== undefined) return known ?? [];
    const text = this.text(path, where);
    const documents =
      text === null ? null : parseYaml(text, this.shownName(path), this.problems, this.budget);
    this.#read.set(path, documents);
    return documents ?? [];
  }
}

/** Whether `path` lies in `folder` or below it: kustomize reads no file from elsewhere. */
export function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

export const folderOf = dirname;
