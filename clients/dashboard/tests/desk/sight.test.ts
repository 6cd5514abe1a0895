import type { ConnectionState, PnlLine } from "rpcclient";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Sight } from "../../src/desk/sight.ts";

/** A connection whose state can be set; it stands for the client's word and the vigil's. */
class Told {
  state: ConnectionState = { is: "live", since: 0 };
  readonly #listeners = new Set<(state: ConnectionState) => void>();

  onState(listener: (state: ConnectionState) => void): () => void {
    listener(this.state);
    return this.watch(listener);
  }

  watch(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  become(state: ConnectionState): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

const line = (venue: string, connected: boolean) => ({ venue, connected }) as PnlLine;

let told: Told;
let sight: Sight;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  told = new Told();
  sight = new Sight(told, told);
});

afterEach(() => {
  sight.close();
  vi.useRealTimers();
});

test("what is shown is live only once this very connection has told what is held", () => {
  expect(sight.shown.is).toBe("reading");
  sight.onSnapshot();
  expect(sight.shown.is).toBe("live");

  told.become({ is: "stale", since: 0 });
  expect(sight.shown.is).toBe("cut");
  told.become({ is: "live", since: 1 });
  expect(sight.shown.is).toBe("reading");
  sight.onSnapshot();
  expect(sight.shown.is).toBe("live");
});

test("a refusal is said, and a new connection does not hide it", () => {
  sight.onRefused("forbidden");
  expect(sight.shown).toEqual({ is: "refused", why: "forbidden" });
  told.become({ is: "stale", since: 0 });
  told.become({ is: "live", since: 1 });
  expect(sight.shown.is).toBe("refused");
});

test("venues that are not reached are named, and those who watch are told once", () => {
  const tell = vi.fn();
  sight.watch(tell);
  sight.onProfit([line("paper", true), line("upstox", false), line("upstox", false)]);
  expect(sight.unreached).toEqual(["upstox"]);
  sight.onProfit([line("paper", true), line("upstox", false)]);
  expect(tell).toHaveBeenCalledTimes(1);
  sight.onProfit([line("paper", true), line("upstox", true)]);
  expect(sight.unreached).toEqual([]);
});

test("silence about every account is no good sign, and ends with the next word", () => {
  sight.onProfit([line("paper", true)]);
  vi.advanceTimersByTime(5_000);
  expect(sight.isSilent).toBe(false);
  vi.advanceTimersByTime(2_000);
  expect(sight.isSilent).toBe(true);
  sight.onProfit([line("paper", true)]);
  expect(sight.isSilent).toBe(false);
});
