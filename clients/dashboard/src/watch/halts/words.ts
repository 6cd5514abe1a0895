/** How a halt is worded. */
import type { HaltAnswer } from "rpcclient";

export type Level = "no_new_risk" | "cancel" | "flatten_and_lock";

interface LevelWords {
  readonly name: string;
  readonly does: string;
  readonly color: string;
}

export const LEVELS: Readonly<Record<Level, LevelWords>> = {
  no_new_risk: {
    name: "No new risk",
    does: "Orders that could open risk are refused. Working ones stay, and are named.",
    color: "yellow",
  },
  cancel: {
    name: "Cancel",
    does: "And those that work already are canceled. Stops of what is held are kept.",
    color: "orange",
  },
  flatten_and_lock: {
    name: "Flatten and lock",
    does: "And everything held is closed, again and again until it is flat, and stays so.",
    color: "red",
  },
};

export function levelOf(level: string): LevelWords {
  return level in LEVELS
    ? LEVELS[level as Level]
    : { name: level.replaceAll("_", " "), does: "", color: "gray" };
}

/** What a halt reaches, `account paper:Sim101 · instrument ES`. */
export function scopeOf(halt: HaltAnswer): string {
  if (halt.everything) return halt.grants.includes("*") ? "everything" : halt.grants.join(", ");
  const { venue, account } = halt;
  const filters = [
    ["venue", account === null ? venue : null],
    ["account", account === null ? null : [venue, account].filter(Boolean).join(":")],
    ["instrument", halt.instrument],
    ["strategy", halt.strategyTag],
    ["user", halt.user],
  ] as const;
  return filters.flatMap(([name, said]) => (said === null ? [] : [`${name} ${said}`])).join(" · ");
}

const GRAVEST_FIRST = ["flatten_and_lock", "cancel", "no_new_risk"];

/** The gravest first; of the same level the newest. */
export function byLevel(halts: readonly HaltAnswer[]): readonly HaltAnswer[] {
  const rank = (halt: HaltAnswer) => GRAVEST_FIRST.indexOf(halt.level);
  return [...halts].sort(
    (one, other) => rank(one) - rank(other) || Date.parse(other.at) - Date.parse(one.at),
  );
}
