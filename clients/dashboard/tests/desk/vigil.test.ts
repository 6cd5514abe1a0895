import type { ConnectionState } from "rpcclient";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Vigil } from "../../src/desk/vigil.ts";

/** A client whose word can be set, and whose pings wait to be answered. */
class Told {
  state: ConnectionState = { is: "live", since: 0 };
  answer: (() => void) | undefined;
  #listener: (state: ConnectionState) => void = () => undefined;

  onState(listener: (state: ConnectionState) => void): () => void {
    this.#listener = listener;
    listener(this.state);
    return () => undefined;
  }

  call(): Promise<unknown> {
    return new Promise<void>((resolve) => {
      this.answer = resolve;
    });
  }

  become(state: ConnectionState): void {
    this.state = state;
    this.#listener(state);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

function sleep(milliseconds: number): void {
  vi.setSystemTime(Date.now() + milliseconds); // no timer runs meanwhile
  vi.advanceTimersByTime(1_000);
}

test("it says what the client says, and tells of every change", () => {
  const client = new Told();
  const vigil = new Vigil(client);
  const tell = vi.fn();
  vigil.watch(tell);
  vi.advanceTimersByTime(60_000);
  expect(vigil.state.is).toBe("live");
  expect(tell).not.toHaveBeenCalled();
  client.become({ is: "stale", since: 5 });
  expect(vigil.state).toEqual({ is: "stale", since: 5 });
  expect(tell).toHaveBeenCalledOnce();
  vigil.close();
});

test("after a sleep all is as old as the sleep, until the server is heard", async () => {
  const client = new Told();
  const vigil = new Vigil(client);
  vi.advanceTimersByTime(2_000);
  sleep(60_000);
  expect(vigil.state).toEqual({ is: "stale", since: 2_000 });
  client.answer?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(vigil.state.is).toBe("live");
  vigil.close();
});

test("a page that comes to light is doubted at once, not with the next tick", () => {
  const client = new Told();
  const vigil = new Vigil(client);
  vi.setSystemTime(90_000);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(vigil.state).toEqual({ is: "stale", since: 0 });
  vigil.close();
});

test("what the client finds out meanwhile counts more than the doubt", async () => {
  const client = new Told();
  const vigil = new Vigil(client);
  sleep(60_000);
  client.become({ is: "stale", since: 61_000 });
  expect(vigil.state).toEqual({ is: "stale", since: 61_000 });
  client.answer?.(); // of a connection that is gone
  await vi.advanceTimersByTimeAsync(0);
  expect(vigil.state.is).toBe("stale");
  client.become({ is: "live", since: 70_000 });
  expect(vigil.state.is).toBe("live");
  vigil.close();
});
