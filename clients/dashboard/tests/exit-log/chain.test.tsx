import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import type { ChainAnswer } from "rpcclient";
import { afterEach, expect, test } from "vitest";

import { ChainCheck } from "../../src/exit-log/ChainCheck.tsx";

const INTACT: ChainAnswer = {
  success: true,
  intact: true,
  records: 1042,
  auditSeq: 1042,
  auditHead: "9b1d6e",
  auditSignature: "6f0c2a",
  publicKey: "d75a98",
  firstBroken: null,
  detail: "",
};

function show(chain: ChainAnswer): void {
  render(
    <MantineProvider>
      <ChainCheck chain={chain} onClose={() => undefined} />
    </MantineProvider>,
  );
}

afterEach(cleanup);

test("an intact chain gives its witness, quietly", () => {
  show(INTACT);
  expect(screen.getByRole("status").textContent).toContain("1,042 records");
  expect(screen.getByText("6f0c2a")).toBeDefined();
  expect(screen.getByRole("button", { name: "Copy the witness" })).toBeDefined();
  expect(screen.queryByRole("alert")).toBeNull();
});

test("a broken chain is cried out with its first broken record, and offers no witness", () => {
  const detail = "record 77 is not what its hash says.";
  show({ ...INTACT, success: false, intact: false, firstBroken: 77, detail });
  const cry = screen.getByRole("alert").textContent;
  expect(cry).toContain("BROKEN at record 77");
  expect(cry).toContain(detail);
  expect(screen.queryByRole("button", { name: "Copy the witness" })).toBeNull();
});
