import { expect, test, vi } from "vitest";

import { Board } from "../../src/desk/board.ts";

interface Row {
  readonly id: string;
  readonly price: number;
}

function boardAndDraw(): [Board<Row>, () => void] {
  const waiting: (() => void)[] = [];
  const board = new Board<Row>(
    ({ id }) => id,
    (tell) => waiting.push(tell),
  );
  return [
    board,
    () => {
      for (const tell of waiting.splice(0)) tell();
    },
  ];
}

test("however often rows change, watchers are told once a drawn frame", () => {
  const [board, draw] = boardAndDraw();
  const told = vi.fn();
  board.watch(told);
  for (let price = 0; price < 10; price += 1) board.put({ id: "a", price });
  expect(told).not.toHaveBeenCalled();
  draw();
  expect(told).toHaveBeenCalledTimes(1);
  draw();
  expect(told).toHaveBeenCalledTimes(1);
});

test("whoever watches a row is told of that row alone", () => {
  const [board, draw] = boardAndDraw();
  const [ofA, ofB] = [vi.fn(), vi.fn()];
  board.watchRow("a", ofA);
  const stop = board.watchRow("b", ofB);
  board.put({ id: "a", price: 1 });
  draw();
  expect(ofA).toHaveBeenCalledTimes(1);
  expect(ofB).not.toHaveBeenCalled();
  stop();
  board.replace([{ id: "b", price: 2 }]);
  draw();
  expect(ofA).toHaveBeenCalledTimes(2); // it is gone
  expect(ofB).not.toHaveBeenCalled();
});

test("whoever asks for less is told at once, then once a while, and of the last change", () => {
  vi.useFakeTimers();
  const [board, draw] = boardAndDraw();
  const told = vi.fn();
  const stop = board.watchEvery(400, told);
  for (let price = 0; price < 5; price += 1) {
    board.put({ id: "a", price });
    draw();
  }
  expect(told).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(400);
  expect(told).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(4000);
  expect(told).toHaveBeenCalledTimes(2); // nothing changed
  stop();
  vi.useRealTimers();
});

test("the list of rows is the same until one changes", () => {
  const [board] = boardAndDraw();
  board.put({ id: "a", price: 1 });
  const rows = board.rows;
  expect(board.rows).toBe(rows);
  board.remove("nobody");
  expect(board.rows).toBe(rows);
  board.remove("a");
  expect(board.rows).toEqual([]);
});

test("a board that was never told of anything does not say that there is nothing", () => {
  const [board] = boardAndDraw();
  expect(board.isRead).toBe(false);
  board.put({ id: "a", price: 1 }); // one of them, not all
  expect(board.isRead).toBe(false);
  board.replace([]);
  expect(board.isRead).toBe(true);
});

test("where there are too many, the oldest go of those that may", () => {
  const board = new Board<{ readonly key: string; readonly isOver: boolean }>(({ key }) => key);
  for (const key of ["a", "b", "c", "d"]) board.put({ key, isOver: key !== "a" });
  board.trim(2, ({ isOver }) => isOver);
  expect(board.rows.map(({ key }) => key)).toEqual(["a", "d"]);
  board.trim(0, ({ isOver }) => isOver);
  expect(board.rows.map(({ key }) => key)).toEqual(["a"]);
});
