/** What the built page weighs, and which dependency weighs what. */
import { gzipSync } from "node:zlib";

import { build, type Rolldown } from "vite";

export interface Weight {
  readonly raw: number;
  readonly gzip: number;
}

export interface Bundle {
  readonly all: Weight;
  /** What is fetched before anything is shown. */
  readonly first: Weight;
  /** Scripts by dependency; the heaviest first. */
  readonly parts: readonly Part[];
}

/** Minified bytes of a dependency. */
export interface Part {
  readonly name: string;
  readonly all: number;
  readonly first: number;
}

export async function weigh(): Promise<Bundle> {
  const built = (await build({ logLevel: "error", build: { write: false } })) as
    Rolldown.RolldownOutput | Rolldown.RolldownOutput[];
  const output = [built].flat().flatMap((each) => each.output);
  const parts = new Map<string, Part>();
  let [all, first]: [Weight, Weight] = [NOTHING, NOTHING];
  const eager = eagerFiles(output);
  for (const file of output) {
    const content = file.type === "chunk" ? file.code : file.source;
    const weight = { raw: content.length, gzip: gzipSync(content).length };
    all = sum(all, weight);
    if (eager.has(file.fileName)) first = sum(first, weight);
    if (file.type === "chunk") share(parts, file, eager.has(file.fileName));
  }
  return { all, first, parts: [...parts.values()].sort((one, other) => other.all - one.all) };
}

const NOTHING: Weight = { raw: 0, gzip: 0 };

function sum(one: Weight, other: Weight): Weight {
  return { raw: one.raw + other.raw, gzip: one.gzip + other.gzip };
}

type File = Rolldown.RolldownOutput["output"][number];

/** The entry, what it imports, and the styles of those. */
function eagerFiles(output: readonly File[]): ReadonlySet<string> {
  const html = output.find(({ fileName }) => fileName === "index.html");
  const text = html?.type === "asset" ? String(html.source) : "";
  return new Set(
    output
      .map(({ fileName }) => fileName)
      .filter((name) => text.includes(name) || name === html?.fileName),
  );
}

/** A chunk's minified bytes, shared among its modules by what they were before. */
function share(parts: Map<string, Part>, chunk: Rolldown.OutputChunk, isFirst: boolean): void {
  const modules = Object.entries(chunk.modules);
  const whole = modules.reduce((total, [, { renderedLength }]) => total + renderedLength, 0);
  for (const [id, { renderedLength }] of modules) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? ours(id);
    const bytes = whole === 0 ? 0 : (chunk.code.length * renderedLength) / whole;
    const known = parts.get(name) ?? { name, all: 0, first: 0 };
    parts.set(name, {
      name,
      all: known.all + bytes,
      first: known.first + (isFirst ? bytes : 0),
    });
  }
}

function ours(id: string): string {
  return id.includes("/typescript/") ? "rpcclient" : "dashboard";
}
