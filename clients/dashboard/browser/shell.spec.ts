import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, test } from "./fixtures.ts";

const ARE_MINE = ["Orders", "Profit", "Health", "Settings"];

function banner(page: Page) {
  return page.getByRole("region", { name: /^Not connected/ });
}

test("disconnected is obvious: a server that hangs, one that died, and its return", async ({
  page,
  server,
}) => {
  await page.goto(server.linkFor());
  await expect(page.getByRole("row", { name: /MES 12-25/ }).first()).toBeVisible();
  await expect(page).toHaveTitle("Positions · rpcserver");
  await expect(banner(page)).toBeHidden();

  await page.waitForLoadState("networkidle"); // the other views are here, too
  server.freeze(); // its socket stays open, and nothing comes
  await expect(banner(page)).toContainText("nothing here is live");
  await expect(banner(page)).toContainText(/Last heard at \d\d:\d\d:\d\d, \d+ s ago/);
  await expect(page).toHaveTitle("Not live · Positions · rpcserver");
  const old = page.locator("[data-stale=true]").filter({ hasText: "MES 12-25" });
  await expect(old).toBeVisible();
  await expect(page.getByText("Connection lost: nothing that is shown is live.")).toBeAttached();
  await page.evaluate(() => {
    window.location.hash = "#/orders";
  });
  await expect(page.getByRole("button", { name: "Cancel all of…" })).toBeDisabled();

  server.thaw();
  await expect(banner(page)).toBeHidden({ timeout: 20_000 });
  await expect(page.getByRole("button", { name: "Cancel all of…" })).toBeEnabled();

  await server.kill();
  await expect(banner(page)).toBeVisible();
  await server.restart();
  await expect(banner(page)).toBeHidden({ timeout: 20_000 });
  await expect(page.getByText("Connected: what is shown is live.")).toBeAttached();
});

test("with the keyboard alone: past the menu, through it, by letters, and the help", async ({
  page,
  server,
}) => {
  await page.goto(server.linkFor());
  await expect(page.getByRole("heading", { name: "Positions" })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Skip to the view" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();

  const health = page.getByRole("navigation", { name: "Views" }).getByRole("link", {
    name: "Health",
  });
  for (let tabs = 0; tabs < 30; tabs += 1) {
    await page.keyboard.press("Shift+Tab");
    if (await health.evaluate((link) => link === document.activeElement)) break;
  }
  await expect(health).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Health" })).toBeVisible();
  await expect(page).toHaveTitle("Health · rpcserver");
  await expect(page.getByRole("main")).toBeFocused();

  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await expect(page.getByRole("heading", { name: "Orders" })).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toContainText("Go to Profit");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeHidden();
});

test("on a phone nothing scrolls sideways, and the red button is under the thumb", async ({
  page,
  server,
}) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(server.linkFor());
  for (const name of ["Positions", ...ARE_MINE]) {
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name }).click();
    await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width, name).toBe(390);
    const flatten = await page.getByRole("button", { name: "Flatten", exact: true }).boundingBox();
    expect(flatten?.y, name).toBeGreaterThan(750);
  }
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`nothing hinders whoever cannot see or point, in the ${colorScheme}`, async ({
    browser,
    server,
  }) => {
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await page.goto(server.linkFor());
    for (const name of ARE_MINE) {
      await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name }).click();
      await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => [name, id, nodes[0]?.target])).toEqual([]);
    }
    await context.close();
  });
}
