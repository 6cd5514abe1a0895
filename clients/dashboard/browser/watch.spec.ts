import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { expectAccessible } from "./accessible.ts";
import { expect, test } from "./fixtures.ts";

test.use({ contextOptions: { reducedMotion: "reduce" } }); // nothing half faded in

async function go(page: Page, view: string): Promise<void> {
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: view }).click();
  await expect(page.getByRole("heading", { name: view, level: 1 })).toBeVisible();
}

test.describe("with a venue that answers slowly", () => {
  test.use({ settings: { VENUE_LATENCY: "0.3" } });

  test("a failed exit is announced at once wherever one is, and acknowledged with a reason", async ({
    page,
    server,
  }) => {
    await page.goto(server.linkFor(server.tokenFor("risk")));
    await expect(page.getByRole("heading", { name: "Positions" })).toBeVisible();
    const flatten = ["flatten", "--account", "Sim101", "--deadline", "0.01", "--yes"];
    expect(() => server.run(...flatten)).toThrow(); // it says so, too
    await expect(page.getByRole("alert").filter({ hasText: "Exit not complete" })).toBeVisible();
    await expect(page).toHaveTitle(/^\(\d+\) /);
    await page.getByRole("link", { name: /open alerts, 1 to act on now/ }).click();
    const urgent = page.getByRole("region", { name: "Act now" });
    await expect(urgent.getByRole("article")).toContainText("Flatten in Sim101");
    await expectAccessible(page);
    await urgent.getByRole("button", { name: "Acknowledge: Exit not complete" }).click();
    await page.getByLabel("Reason").fill("on the phone with the broker");
    await page.getByRole("button", { name: "Acknowledge", exact: true }).click();
    await expect(urgent).toBeHidden();
    await expect(page.getByRole("alert").filter({ hasText: "Exit not complete" })).toBeHidden();
    await page.getByText("All", { exact: true }).click();
    await expect(page.getByText("a-risk looks at it since")).toBeVisible();
    await expect(page.getByText("on the phone with the broker").first()).toBeVisible();
    await expect(page.getByRole("region", { name: "Who pressed what" })).toContainText("Flatten");
  });
});

test("a trader lays a halt down, sees it stand above every view, and does not release it", async ({
  page,
  server,
}) => {
  await page.goto(server.linkFor(server.tokenFor("trader")));
  await go(page, "Halts");
  await expect(page.getByText("Nothing is halted.")).toBeVisible();
  await page.getByRole("button", { name: "Halt", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Account").fill("Nowhere");
  await dialog.getByLabel("Reason").fill("the feed is wrong");
  await dialog.getByRole("button", { name: "Halt" }).click();
  await expect(dialog.getByLabel("Account")).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("Account").fill("Sim101");
  await dialog.getByLabel("Flatten and lock").check();
  await expect(dialog.getByRole("button", { name: "Hold to flatten and lock" })).toBeVisible();
  await dialog.getByRole("radio", { name: "Cancel" }).check();
  await dialog.getByRole("button", { name: "Halt" }).click();
  await expect(page.getByText("The halt stands: account paper:Sim101")).toBeVisible();
  await expectAccessible(page);
  await go(page, "Positions");
  await expect(page.getByText("Halted: account paper:Sim101 · cancel")).toBeVisible();
  await go(page, "Halts");
  const release = page.getByRole("button", { name: "Release" });
  await expect(release).toHaveAttribute("aria-disabled", "true");
  await expect(release).toHaveAccessibleDescription(/no role that releases/);

  await page.goto("about:blank");
  await page.goto(server.linkFor()); // somebody with the right
  await go(page, "Halts");
  await page.getByRole("button", { name: "Release" }).click();
  await page.getByLabel("Reason").fill("the feed is right again");
  await page.getByRole("dialog").getByRole("button", { name: "Release" }).click();
  await expect(page.getByText("Nothing is halted.")).toBeVisible();
  await expect(page.getByText("Halted: account")).toBeHidden();
});

test("a rule is refused beside the field that is wrong, set, and shown with what it remembers", async ({
  page,
  server,
}) => {
  await page.goto(server.linkFor());
  await go(page, "Rules");
  await page.getByRole("button", { name: "New rule" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("At", { exact: false }).first().fill("15:50");
  await dialog.getByLabel("Second deadline").fill("15:40");
  await dialog.getByLabel("Reason").fill("nothing overnight");
  await dialog.getByRole("button", { name: "Let it stand" }).click();
  await expect(dialog.getByLabel("Second deadline")).toHaveAccessibleDescription(/is not after/);
  await expectAccessible(page);
  await dialog.getByLabel("Second deadline").fill("16:05");
  await dialog.getByRole("button", { name: "Let it stand" }).click();
  const rule = page.getByRole("article", { name: /^Rule / });
  await expect(rule).toContainText("At 15:50 every day, until 16:05");
  await expect(rule).toContainText(/in \d+ (h|min|s)/);
  await expectAccessible(page);
  await rule.getByRole("button", { name: "Remove" }).click();
  await page.getByLabel("Reason").fill("a holiday");
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("No rule stands")).toBeVisible();
});

test("a token is made, shown once, used, and revoked: its page is signed out and says why", async ({
  page,
  server,
  browser,
}) => {
  await page.goto(server.linkFor());
  await go(page, "Tokens");
  await page.getByRole("button", { name: "New token" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Whom it speaks for").fill("night-desk");
  await dialog.getByLabel("Accounts").fill("*");
  await dialog.getByLabel("Accounts").press("Enter");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(page.getByText("shown once, and stored nowhere")).toBeVisible();
  const token = (await page.getByLabel("Token", { exact: true }).textContent()) ?? "";
  await expectAccessible(page);
  await page.getByRole("button", { name: "It is kept" }).click();
  await expect(page.getByText(token)).toBeHidden();

  const other = await (await browser.newContext()).newPage();
  await other.goto(server.linkFor(token));
  await expect(other.getByRole("heading", { name: "Positions" })).toBeVisible();
  await page.getByRole("button", { name: /^Revoke .* of night-desk$/ }).click();
  await page.getByLabel("Reason").fill("the night is over");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(other.getByRole("alert")).toContainText("knows it no longer");
  await expectAccessible(page);
  await other.context().close();
});

test.describe("where closing everything needs two", () => {
  test.use({ settings: { SECOND_PERSON_EVERYTHING: "true" } });

  test("a call that waits is shown to whoever may confirm it, with its plan, and is carried out", async ({
    page,
    server,
  }) => {
    await page.goto(server.linkFor(server.tokenFor("risk")));
    await expect(page.getByRole("heading", { name: "Positions" })).toBeVisible();
    const tokenFile = join(server.dataDir, "trader.token");
    writeFileSync(tokenFile, server.tokenFor("trader"));
    const everything = ["flatten-everything", "--yes", "--token-file", tokenFile];
    expect(() => server.run(...everything)).toThrow();
    const notice = page.getByRole("group", { name: "Approvals" });
    await expect(notice).toContainText("a-trader asks for a second person: FlattenEverything");
    await notice.getByRole("link", { name: "See the plan" }).click();
    const waiting = page.getByRole("article", { name: "FlattenEverything of a-trader" });
    await expect(waiting.getByRole("row", { name: /Sim101 MES 12-25 short/ })).toBeVisible();
    await expectAccessible(page);
    await waiting.getByRole("button", { name: "Confirm" }).click();
    await page.getByLabel("Reason").fill("seen the plan");
    await page.getByRole("button", { name: "Confirm and close" }).click();
    await expect(page.getByText("Confirmed: FlattenEverything of a-trader")).toBeVisible();
    await expect(notice).toBeHidden();
  });
});
