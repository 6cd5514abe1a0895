import { MantineProvider } from "@mantine/core";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { StrictMode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { HOLD_MS, HoldButton } from "../../src/flatten/HoldButton.tsx";

const onHeld = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  onHeld.mockClear();
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function show(obstacle?: string) {
  const drawn = (why: string | undefined) => (
    <StrictMode>
      <MantineProvider>
        <HoldButton label="Hold to flatten" obstacle={why} onHeld={onHeld} />
      </MantineProvider>
    </StrictMode>
  );
  const { rerender, unmount } = render(drawn(obstacle));
  return {
    button: screen.getByRole("button"),
    rerender: (why?: string) => {
      rerender(drawn(why));
    },
    unmount,
  };
}

function pass(milliseconds: number) {
  act(() => {
    vi.advanceTimersByTime(milliseconds);
  });
}

const POINTER = { button: 0, isPrimary: true, pointerId: 1 };

test("held for the whole time it is called once, however it is held on", () => {
  const { button, rerender } = show();
  fireEvent.pointerDown(button, POINTER);
  pass(HOLD_MS - 1);
  expect(onHeld).not.toHaveBeenCalled();
  rerender();
  pass(1);
  expect(onHeld).toHaveBeenCalledTimes(1);
  fireEvent.pointerUp(button);
  fireEvent.pointerDown(button, POINTER);
  fireEvent.keyDown(button, { key: " " });
  pass(10 * HOLD_MS);
  expect(onHeld).toHaveBeenCalledTimes(1);
});

test.each([
  ["the pointer is let go", (button: HTMLElement) => fireEvent.pointerUp(button)],
  ["the pointer leaves", (button: HTMLElement) => fireEvent.pointerLeave(button)],
  ["the touch is taken away", (button: HTMLElement) => fireEvent.pointerCancel(button)],
  ["the focus goes", (button: HTMLElement) => fireEvent.blur(button)],
  ["Escape", (button: HTMLElement) => fireEvent.keyDown(button, { key: "Escape" })],
  ["another window", () => fireEvent.blur(window)],
  ["another tab", () => fireEvent(document, new Event("visibilitychange"))],
])("nothing happens when %s", (_, letGo) => {
  const { button } = show();
  fireEvent.pointerDown(button, POINTER);
  pass(HOLD_MS - 1);
  letGo(button);
  pass(10 * HOLD_MS);
  expect(onHeld).not.toHaveBeenCalled();
  expect(screen.getByRole("status").textContent).toContain("nothing was sent");
});

test("by keyboard: the key must go down here, and stay", () => {
  const { button } = show();
  fireEvent.keyDown(button, { key: "Enter", repeat: true }); // held since before
  pass(10 * HOLD_MS);
  expect(onHeld).not.toHaveBeenCalled();
  fireEvent.keyDown(button, { key: "Enter" });
  pass(HOLD_MS / 2);
  fireEvent.keyDown(button, { key: "Enter", repeat: true });
  fireEvent.keyUp(button, { key: "Enter" });
  pass(10 * HOLD_MS);
  expect(onHeld).not.toHaveBeenCalled();
  fireEvent.keyDown(button, { key: " " });
  pass(HOLD_MS);
  expect(onHeld).toHaveBeenCalledTimes(1);
});

test("what stands in the way stops it, also in the middle", () => {
  const { button, rerender } = show("Not connected");
  fireEvent.pointerDown(button, POINTER);
  pass(10 * HOLD_MS);
  expect(onHeld).not.toHaveBeenCalled();
  rerender();
  fireEvent.pointerDown(button, POINTER);
  pass(HOLD_MS / 2);
  rerender("Not connected");
  rerender();
  pass(10 * HOLD_MS);
  expect(onHeld).not.toHaveBeenCalled();
});

test("taken from the page while it is held, it does nothing", () => {
  const { button, unmount } = show();
  fireEvent.pointerDown(button, POINTER);
  pass(HOLD_MS / 2);
  unmount();
  pass(10 * HOLD_MS);
  expect(onHeld).not.toHaveBeenCalled();
});

test("neither the other button of a mouse nor a second finger counts", () => {
  const { button } = show();
  fireEvent.pointerDown(button, { ...POINTER, button: 2 });
  fireEvent.pointerDown(button, { ...POINTER, isPrimary: false });
  fireEvent.click(button);
  pass(10 * HOLD_MS);
  expect(onHeld).not.toHaveBeenCalled();
});
