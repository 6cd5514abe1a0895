import { readFileSync } from "node:fs";

import { expectAccessible } from "./accessible.ts";
import { expect, test } from "./fixtures.ts";

test.use({ contextOptions: { reducedMotion: "reduce" } }); // nothing half faded in

test("the log is filtered by its address, lives, is exported and verified", async ({
  page,
  server,
}) => {
  server.run("flatten", "--account", "Sim102", "--yes", "--reason", "=end of day");
  await page.goto(server.linkFor());
  await page.getByRole("link", { name: "Exit log" }).click();
  const log = page
    .getByRole("table", { name: "Exit log" })
    .or(page.getByRole("grid", { name: "Exit log" }));
  await expect(log.getByRole("row", { name: /MES 12-25.*CLOSED/ })).toBeVisible();

  await page.getByRole("textbox", { name: "Instrument" }).fill("GC");
  await expect(page).toHaveURL(/#\/exit-log\/instrument%3DGC$/);
  await expect(log.getByRole("row", { name: /GC 12-25/ })).toBeVisible();
  await expect(log.getByRole("row", { name: /MES 12-25/ })).toBeHidden();
  await page.reload(); // the view has a link
  await expect(page.getByRole("textbox", { name: "Instrument" })).toHaveValue("GC");
  await expect(log.getByRole("row", { name: /GC 12-25/ })).toBeVisible();

  await page.getByRole("button", { name: "Export" }).click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: /CSV/ }).click(),
  ]);
  expect(file.suggestedFilename()).toMatch(/^exits-\w+\.csv$/);
  const lines = readFileSync(await file.path(), "utf8")
    .trimEnd()
    .split("\r\n");
  const whole = server.run("audit", "export-csv").trimEnd().split(/\r?\n/);
  expect(lines).toEqual(whole.filter((line, index) => index === 0 || line.includes("GC 12-25")));
  expect(lines[1]).toContain("'=end of day");

  await page.getByRole("button", { name: "Clear filters" }).click();
  server.run("flatten", "--account", "Sim101", "--instrument", "NQ", "--yes");
  await expect(log.getByRole("row", { name: /new.*NQ 12-25/ })).toBeVisible();

  await page.getByRole("button", { name: "Verify the chain" }).click();
  await expect(page.getByRole("status").filter({ hasText: "The chain is intact" })).toContainText(
    "records, each bound to the one before it",
  );
  await expectAccessible(page);

  await log.getByRole("row", { name: /NQ 12-25/ }).click();
  await expect(page).toHaveURL(/#\/operations\/op-/);
});
