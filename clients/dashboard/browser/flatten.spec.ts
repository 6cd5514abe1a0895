import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, test, testWithVenue } from "./fixtures.ts";

const HOLD_MS = 1000;

test.describe("with a venue that takes its time", () => {
  test.use({ settings: { VENUE_LATENCY: "0.3" } });

  test("a plan is looked at, held, and followed to its proof; letting go early does nothing", async ({
    page,
    server,
  }) => {
    await page.goto(server.linkFor());
    await aimAt(page, "Sim102");
    const hold = page.getByRole("button", { name: "Hold to flatten 3 positions" });
    await expect(
      page
        .getByRole("grid", { name: "Planned legs" })
        .or(page.getByRole("table", { name: "Planned legs" })),
    ).toContainText("GC 12-25");
    await hold.hover();
    await page.mouse.down();
    await expect(page.getByText("Keep holding…")).toBeVisible();
    await page.mouse.up();
    await expect(page.getByText("Let go too early: nothing was sent.")).toBeVisible();
    expect(server.run("operations", "--json")).not.toContain('"dryRun":false');

    expect(await seriousFindings(page)).toEqual([]);
    await page.mouse.down();
    await expect(page.getByRole("group", { name: "What becomes of it" })).toBeVisible();
    await page.mouse.up();
    await expect(hold).toHaveCount(0); // while one press runs the button is not there
    await expect(page.getByText("FLAT", { exact: true })).toBeVisible();
    await expect(page.getByText(/^Proven at/)).toBeVisible();
    await expect(page.getByRole("list", { name: "Legs" }).getByText("CLOSED")).toHaveCount(3);
    await expect(page.getByRole("img", { name: /At most 3 legs were open/ })).toBeVisible();
    expect(pressesIn(server.run("operations", "--json"))).toBe(1);
  });

  test("from the key F to the proof by keyboard alone", async ({ page, server }) => {
    await page.goto(server.linkFor());
    await expect(page.getByRole("heading", { name: "Positions" })).toBeVisible();
    await page.keyboard.press("f");
    await expect(page.getByRole("combobox", { name: "Accounts" })).toBeFocused();
    await page.keyboard.type("Sim102", { delay: 60 });
    await expect(page.getByRole("option", { name: /Sim102/ })).toBeVisible();
    await page.keyboard.press("Enter");
    const hold = page.getByRole("button", { name: "Hold to flatten 3 positions" });
    await expect(hold).toBeVisible();
    for (let tab = 0; tab < 40 && !(await isFocused(hold)); tab += 1) {
      await page.keyboard.press("Tab");
    }
    await expect(hold).toBeFocused();
    await page.keyboard.down("Space");
    await expect(page.getByText("Keep holding…")).toBeVisible();
    await page.keyboard.press("Escape"); // lets go, and closes nothing
    await page.keyboard.up("Space");
    await expect(page.getByText("Let go too early: nothing was sent.")).toBeVisible();
    await page.keyboard.down("Space");
    await expect(page.getByText("FLAT", { exact: true })).toBeVisible();
    await page.keyboard.up("Space");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
  });

  test("a server that dies in the middle: the press goes on, and is made once", async ({
    page,
    server,
  }) => {
    await page.goto(server.linkFor());
    await aimAt(page, "Sim101");
    await holdFor(page, /Hold to flatten 4 positions/);
    await expect(page.getByRole("list", { name: "Legs" })).toBeVisible();
    await server.kill();
    await expect(page.getByText(/it goes on at the server/)).toBeVisible();
    await server.restart();
    await expect(page.getByText("FLAT", { exact: true })).toBeVisible({ timeout: 20_000 });
    expect(pressesIn(server.run("operations", "--json"))).toBe(1);
  });
});

test("all there is needs a typed word first", async ({ page, server }) => {
  await page.goto(server.linkFor());
  await openDrawer(page);
  await page.getByText("Everything", { exact: true }).click();
  const hold = page.getByRole("button", { name: /^Hold to flatten 1\d positions/ });
  await expect(hold).toHaveAttribute("aria-disabled", "true");
  await hold.hover();
  await page.mouse.down();
  await expect(page.getByText(/Type FLATTEN first/)).toBeVisible();
  await page.mouse.up();
  await page.getByLabel(/type FLATTEN/).fill("FLATTEN");
  await holdFor(page, /^Hold to flatten/);
  await expect(page.getByText("FLAT", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Done" }).click();
  await expect(
    page
      .getByRole("table", { name: "Positions" })
      .or(page.getByRole("grid", { name: "Positions" })),
  ).toContainText("CLOSED");
});

test("whoever may only look has no button, and no key", async ({ page, server }) => {
  await page.goto(server.linkFor(server.tokenFor("viewer")));
  await expect(page.getByRole("heading", { name: "Positions" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Flatten" })).toHaveCount(0);
  await page.keyboard.press("f");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

testWithVenue(
  "a leg that fails is told at once, with why and what to do",
  async ({ page, server, venue }) => {
    venue.control("phase", "CL", "closed");
    venue.control("arm", "lose_requests", "instrument=GC", "--name", "lost");
    await page.goto(server.linkFor());
    await aimAt(page, "Sim102");
    await expect(page.getByText("1 market closed")).toBeVisible();
    await holdFor(page, /Hold to flatten 3 positions/);
    const trouble = page.getByRole("alert").filter({ hasText: "need" });
    await expect(trouble).toContainText("CL 12-25");
    await expect(trouble).toContainText("MARKET CLOSED");
    await expect(trouble).toContainText("GC 12-25");
    await expect(trouble).toContainText("no answer");
    await expect(page.getByText("FLAT", { exact: true })).toHaveCount(0); // and it still runs
    await page.getByRole("button", { name: "Close", exact: true }).click();
    const line = page.getByRole("region", { name: "What is being closed" });
    await expect(line).toContainText("paper:Sim102");
    await line.getByRole("button", { name: "Look at it" }).click();
    await page.getByRole("button", { name: "Cancel what is not sent" }).click();
    await expect(page.getByText(/Cancelling|cancelling/).first()).toBeVisible();
  },
);

async function openDrawer(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Flatten", exact: true }).click();
  await expect(page.getByRole("dialog", { name: "Flatten" })).toBeVisible();
}

async function aimAt(page: Page, account: string): Promise<void> {
  await openDrawer(page);
  await page.getByRole("combobox", { name: "Accounts" }).fill(account);
  await page.getByRole("option", { name: new RegExp(account) }).click();
  await page.keyboard.press("Escape");
}

async function holdFor(page: Page, name: RegExp): Promise<void> {
  const hold = page.getByRole("button", { name });
  await hold.hover();
  await page.mouse.down();
  await expect(hold).toHaveCount(0, { timeout: HOLD_MS + 5_000 });
  await page.mouse.up();
}

async function isFocused(of: ReturnType<Page["getByRole"]>): Promise<boolean> {
  return of.evaluate((element) => element === document.activeElement);
}

/** Operations that are no plans. */
function pressesIn(told: string): number {
  return told.split('"dryRun":false').length - 1;
}

async function seriousFindings(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
