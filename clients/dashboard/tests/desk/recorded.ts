/** Frames of real operations, as a server told them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { ProgressFrame } from "rpcclient";

import { Story } from "../../src/desk/story.ts";

export function recorded(name: "mixed" | "three-legs"): ProgressFrame[] {
  const text = readFileSync(join(import.meta.dirname, "recorded", `${name}.jsonl`), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ProgressFrame);
}

/** A story of *frames*, which tells its watchers at once. */
export function storyOf(frames: readonly ProgressFrame[]): Story {
  const story = new Story(undefined, (tell) => {
    tell();
  });
  for (const frame of frames) story.take(frame);
  return story;
}

/** A step of a made-up operation, *atMs* after its beginning. */
export function step(
  seq: number,
  event: ProgressFrame["event"],
  atMs: number,
  rest: Partial<ProgressFrame> = {},
): ProgressFrame {
  return {
    type: "progress",
    requestId: "r1",
    operationId: "op-1",
    seq,
    event,
    done: 0,
    total: 1,
    at: new Date(Date.UTC(2026, 0, 1) + atMs).toISOString(),
    ...rest,
  };
}
