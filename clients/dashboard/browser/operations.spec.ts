import AxeBuilder from "@axe-core/playwright";

import { expect, test, testWithVenue } from "./fixtures.ts";

test("an operation is told with its timeline, its readings, its frames and its proof", async ({
  page,
  server,
}) => {
  server.run("flatten", "--account", "Sim102", "--yes", "--reason", "end of day");
  await page.goto(server.linkFor());
  await page.getByRole("link", { name: "Operations" }).first().click();
  await page.getByRole("row").filter({ hasText: "Flatten" }).first().click();
  await expect(page.getByText("FLAT", { exact: true })).toBeVisible();
  await expect(page.getByText("end of day")).toBeVisible();
  await expect(page.getByText(/^127\.0\.0\.1/)).toBeVisible(); // from where

  const timeline = page.getByRole("listbox", { name: "Timeline of legs" });
  await expect(timeline.getByRole("option")).toHaveCount(3);
  await expect(
    timeline.getByRole("option", { name: /GC 12-25, Sim102 short: .*CLOSED after/ }),
  ).toBeVisible();
  await timeline.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: /^Leg 2/ })).toContainText("filled");

  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);

  await page.getByText("Before and after", { exact: true }).click();
  await expect(page.getByText("before anything was sent")).toBeVisible();
  await expect(page.getByText("after the end")).toBeVisible();
  await page.getByText("Frames", { exact: true }).click();
  await page.getByRole("textbox", { name: "Filter frames" }).fill("leg ended");
  await expect(page.getByText("3 of", { exact: false })).toBeVisible();
});

testWithVenue(
  "what fails is seen alone, and what runs is attached to",
  async ({ page, server, venue }) => {
    venue.control("arm", "lose_requests", "instrument=GC", "--name", "lost");
    await page.goto(server.linkFor());
    await expect(page.getByRole("heading", { name: "Positions" })).toBeVisible();
    try {
      server.run("flatten", "--account", "Sim102", "--yes", "--deadline", "2");
    } catch {
      // It ends unknown, and says so by its exit code.
    }
    await page.getByRole("link", { name: "Operations" }).first().click();
    await page.getByRole("row").filter({ hasText: "Flatten" }).first().click();
    await page.getByText(/^Failing 1$/).click();
    const timeline = page.getByRole("listbox", { name: "Timeline of legs" });
    await expect(timeline.getByRole("option")).toHaveCount(1);
    await expect(timeline.getByRole("option")).toContainText("UNKNOWN");
    await expect(page.getByText("UNKNOWN", { exact: true }).first()).toBeVisible();
  },
);
