import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ViewBoundary } from "../../src/shell/ViewBoundary.tsx";

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => undefined); // React tells of it there, too
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

test("a view that throws says so, leaves what stands around it, and can be tried again", () => {
  let isBroken = true;
  function Broken() {
    if (isBroken) throw new Error("no such thing");
    return <p>All is well</p>;
  }
  render(
    <MantineProvider>
      <button type="button">Flatten</button>
      <ViewBoundary name="Profit">
        <Broken />
      </ViewBoundary>
    </MantineProvider>,
  );
  expect(screen.getByRole("alert").textContent).toContain("Profit cannot be shown");
  expect(screen.getByRole("alert").textContent).toContain("no such thing");
  expect(screen.getByRole("button", { name: "Flatten" })).toBeDefined();
  isBroken = false;
  fireEvent.click(screen.getByRole("button", { name: "Show it again" }));
  expect(screen.getByText("All is well")).toBeDefined();
});

test("a part of the frame that throws says so in one line, beside what stands", () => {
  function Broken(): never {
    throw new Error("no such thing");
  }
  render(
    <MantineProvider>
      <ViewBoundary name="Profit">
        <p>All is well</p>
        <ViewBoundary name="Halts" extent="part">
          <Broken />
        </ViewBoundary>
      </ViewBoundary>
    </MantineProvider>,
  );
  expect(screen.getByRole("alert").textContent).toContain("Halts cannot be shown.");
  expect(screen.getByText("All is well")).toBeDefined();
});

test("where the whole page throws, loading it again is offered", () => {
  function Broken(): never {
    throw new Error("no such thing");
  }
  render(
    <MantineProvider>
      <ViewBoundary name="rpcserver" extent="page">
        <Broken />
      </ViewBoundary>
    </MantineProvider>,
  );
  expect(screen.getByRole("alert").textContent).toContain("rpcserver cannot be shown");
  expect(screen.getByRole("button", { name: "Load it again" })).toBeDefined();
});
