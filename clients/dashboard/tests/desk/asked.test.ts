import { expect, test, vi } from "vitest";

import { Asked } from "../../src/desk/asked.ts";

test("what is asked while a question is under way is asked once more after it", async () => {
  const given: ((answer: number) => void)[] = [];
  const asked = new Asked(() => new Promise<number>((give) => given.push(give)));
  const told = vi.fn();
  asked.watch(told);
  asked.refresh();
  asked.refresh();
  asked.refresh();
  expect(given).toHaveLength(1);
  given[0]?.(1);
  await vi.waitFor(() => {
    expect(given).toHaveLength(2);
  });
  expect(asked.answer).toBe(1);
  given[1]?.(2);
  await vi.waitFor(() => {
    expect(told).toHaveBeenCalledTimes(2);
  });
  expect(asked.answer).toBe(2);
  expect(given).toHaveLength(2);
});

test("a refusal leaves what was known", async () => {
  let times = 0;
  const asked = new Asked(() => {
    times += 1;
    return times === 1 ? Promise.resolve("known") : Promise.reject(new Error("no"));
  });
  asked.refresh();
  await vi.waitFor(() => {
    expect(asked.answer).toBe("known");
  });
  asked.refresh();
  await vi.waitFor(() => {
    expect(times).toBe(2);
  });
  expect(asked.answer).toBe("known");
});
