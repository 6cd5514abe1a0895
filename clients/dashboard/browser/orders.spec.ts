import type { Page } from "@playwright/test";

import { expect, test, testWithVenue } from "./fixtures.ts";

const still = { settings: { VENUE_TICK_INTERVAL: "0" } }; // prices that stand still fill nothing

async function openTicket(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page
    .getByRole("navigation", { name: "Views" })
    .getByRole("link", { name: "Orders" })
    .click();
  await page.getByRole("button", { name: "New order" }).click();
  await page.getByRole("combobox", { name: "Account" }).click();
  await page.getByRole("option", { name: "paper:Sim101" }).click();
  await page.getByRole("combobox", { name: "Instrument" }).fill("NQ 12-25");
  await page.getByRole("textbox", { name: "Quantity" }).fill("2");
}

test.describe("the ticket", () => {
  test.use(still);

  test("places an order once, however fast it is pressed, and its fill is shown", async ({
    page,
    server,
  }) => {
    await openTicket(page, server.linkFor());
    await expect(page.getByRole("group", { name: "Quote of NQ 12-25" })).toContainText("Bid");
    await page.getByRole("button", { name: "Buy 2 NQ 12-25 at market" }).dblclick();
    await expect(
      page.getByRole("status").filter({ hasText: "The venue has the order" }),
    ).toBeVisible();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("tab", { name: "Fills" }).click();
    const fills = page.getByRole("row", { name: /NQ 12-25.*buy/ });
    await expect(fills).toHaveCount(1);
    await fills.click();
    const life = page.getByRole("dialog", { name: "An order's life" });
    await expect(life).toContainText("Asked for by a client");
    await expect(life).toContainText("2 of 2 filled");
  });

  test("an order that rests is canceled, and what a halt refuses is told", async ({
    page,
    server,
  }) => {
    await openTicket(page, server.linkFor());
    await page.getByRole("combobox", { name: "Type" }).click();
    await page.getByRole("option", { name: "Limit", exact: true }).click();
    await page.getByRole("button", { name: "Buy 2 NQ 12-25" }).click();
    await expect(page.getByText("A price above zero")).toBeVisible();
    await page.getByRole("textbox", { name: "Limit price" }).fill("15000");
    await page.getByRole("button", { name: "Buy 2 NQ 12-25 at 15000" }).click();
    await page.getByRole("button", { name: "Another order" }).click();

    server.run("halt", "--everything", "--reason", "a bad day", "--yes");
    await page.getByRole("button", { name: "Buy 2 NQ 12-25 at 15000" }).click();
    await expect(page.getByRole("alert")).toContainText("New risk is halted");
    await page.getByRole("button", { name: "Close" }).click();

    const working = page.getByRole("row", { name: /NQ 12-25.*15,000/ });
    await expect(working).toHaveCount(1);
    await working.getByRole("button", { name: /^Cancel buy 2 NQ/ }).click();
    await page.getByRole("button", { name: "Cancel the order" }).click();
    await expect(working).toHaveCount(0);
    await page.getByRole("tab", { name: "Ended" }).click();
    await expect(page.getByRole("row", { name: /NQ 12-25.*Canceled/ })).toBeVisible();
  });
});

testWithVenue(
  "an answer that was lost is never sent again by itself, and a person may say what became of it",
  async ({ page, server, venue }) => {
    await openTicket(page, server.linkFor());
    venue.control("arm", "lose_answers", 'messages=["submit","query","trades","orders"]');
    venue.control("arm", "lose_events");
    await page.getByRole("button", { name: "Buy 2 NQ 12-25 at market" }).click();
    await expect(page.getByRole("alert")).toContainText("UNKNOWN", { timeout: 20_000 });
    await expect(page.getByRole("alert")).toContainText("Look before you send again");
    await page.getByRole("button", { name: "Close" }).click();

    const unknown = page.getByRole("region", { name: /^UNKNOWN/ });
    await expect(unknown).toContainText("buy 2 NQ 12-25");
    await unknown.getByRole("button", { name: "Say what became of it" }).click();
    await page.getByRole("radio", { name: "It filled" }).check();
    await page.getByLabel("How much of it filled").fill("2");
    await page.getByRole("textbox", { name: "Reason" }).fill("the venue said so by phone");
    await page.getByRole("button", { name: "Write it down" }).click();
    await expect(unknown).toBeHidden();
  },
);

test("a viewer sees orders and no ticket", async ({ page, server }) => {
  await page.goto(server.linkFor(server.tokenFor("viewer")));
  await page
    .getByRole("navigation", { name: "Views" })
    .getByRole("link", { name: "Orders" })
    .click();
  await expect(page.getByRole("row", { name: /MES 12-25.*Working/ }).first()).toBeVisible();
  await expect(page.getByRole("button", { name: "New order" })).toBeHidden();
  await expect(page.getByRole("button", { name: /Cancel/ })).toBeHidden();
  await expect(page.getByRole("button", { name: "Flatten", exact: true })).toBeHidden();
});
