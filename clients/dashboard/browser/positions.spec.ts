import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, test, testWithVenue } from "./fixtures.ts";

const map = (page: Page) => page.getByRole("grid", { name: "Positions" });

test.describe("a map that moves", () => {
  test.use({ settings: { VENUE_TICK_INTERVAL: "0.2", VENUE_SYNTHETIC_POSITIONS: "300" } });

  test("prices and profit move by themselves, each in its own line", async ({ page, server }) => {
    await page.goto(server.linkFor());
    const line = map(page).getByRole("row", { name: /MES 12-25.*Sim102/ });
    const [price, profit] = [line.getByRole("gridcell").nth(6), line.getByRole("gridcell").nth(7)];
    const before = { price: await price.textContent(), profit: await profit.textContent() };
    await expect(price).not.toHaveText(before.price ?? "");
    await expect(profit).not.toHaveText(before.profit ?? "");
    await expect(profit).toContainText("USD");
  });

  test("it is grouped with totals, narrowed and filtered", async ({ page, server }) => {
    await page.goto(server.linkFor());
    await page.getByLabel("Groups").selectOption("By account");
    const tree = page.getByRole("treegrid", { name: "Positions" });
    const group = tree.getByRole("row", { name: /Account crypto1 7/ });
    await expect(group).toHaveAttribute("aria-expanded", "true");
    await expect(group).toContainText(/BTC · .* USDT/); // never one sum of both
    await expect(tree.getByRole("row", { name: /ETH\/USDT/ })).toBeVisible();
    await group.click();
    await expect(group).toHaveAttribute("aria-expanded", "false");
    await expect(tree.getByRole("row", { name: /ETH\/USDT/ })).toHaveCount(0);

    await page.getByLabel("Side").selectOption("Short");
    await page.getByLabel("Filter positions").fill("load mes");
    await expect(tree).toContainText("Nothing matches.");
    await page.getByLabel("Filter positions").fill("sim mes");
    await expect(page.getByText(/^1 of .* found$/)).toBeVisible();
    await expect(tree.getByRole("row", { name: /MES 12-25/ })).toHaveCount(1);
  });

  test("by keyboard alone: to the last line and back, select, sort, aim", async ({
    page,
    server,
  }) => {
    await page.goto(server.linkFor());
    const rows = map(page).getByRole("row");
    await page.getByRole("button", { name: "Size" }).focus();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("columnheader", { name: "Size" })).toHaveAttribute(
      "aria-sort",
      "descending",
    );
    await rows.nth(1).focus();
    await page.keyboard.press("End");
    const count = Number(await map(page).getAttribute("aria-rowcount"));
    await expect(page.locator("[role=row]:focus")).toHaveAttribute("aria-rowindex", String(count));
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    await expect(page.locator("[role=row]:focus")).toHaveAttribute("aria-selected", "true");
    await expect(page.getByRole("button", { name: "Flatten 1 selected" })).toBeVisible();
    await page.keyboard.press("Tab"); // into the line: what can be done with it
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog", { name: "Flatten" })).toBeVisible();
  });
});

testWithVenue(
  "a leg that fails is shown at once, above all, and what is closed says so",
  async ({ page, server, venue }) => {
    await page.goto(server.linkFor());
    await expect(map(page).getByRole("row", { name: /CL 12-25/ })).toBeVisible();
    venue.control("arm", "refuse_orders", "instrument=CL", "reason=insufficient_margin");
    const press = () => server.run("flatten", "--account", "Sim102", "--deadline", "5", "--yes");
    expect(press).toThrow(); // its exit code says that not all of it is flat
    const first = map(page).getByRole("row").nth(1);
    await expect(first).toContainText("CL 12-25");
    await expect(first).toContainText("FAILED");
    await expect(page.getByLabel("Summary")).toContainText("FAILED1");
    const closed = map(page).getByRole("row", { name: /MES 12-25.*Sim102/ });
    await expect(closed).toContainText("CLOSED");
    await expect(closed).toContainText("was long 4");

    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await expectNothingSerious(page, "[role=grid]");
    }
    await first.getByRole("link", { name: "FAILED" }).click();
    await expect(page.getByRole("heading", { level: 1 })).not.toHaveText("Positions");
  },
);

test("nothing serious is found by a scan, grouped and on a phone", async ({ page, server }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto(server.linkFor());
  await page.getByLabel("Groups").selectOption("By venue and account");
  await expect(page.getByRole("treegrid", { name: "Positions" })).toBeVisible();
  await expectNothingSerious(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNothingSerious(page);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(390); // the page does not scroll sideways
});

async function expectNothingSerious(page: Page, within = "body"): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).include(within).analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
}
