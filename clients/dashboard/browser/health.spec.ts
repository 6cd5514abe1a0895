import { expect, test, testWithVenue } from "./fixtures.ts";

testWithVenue(
  "a venue that cannot be reached is told, and so is its return",
  async ({ page, server, venue }) => {
    await page.goto(server.linkFor());
    await page.getByRole("link", { name: "Health" }).click();
    const venues = page.getByRole("group", { name: "The server and the venues" });
    await expect(venues).toContainText("Reached");
    await expect(
      page.getByRole("group", { name: "Whether positions can be closed" }),
    ).toContainText("Ready");
    venue.control("cut");
    await expect(venues).toContainText("Cannot be reached", { timeout: 20_000 });
    await expect(page.getByRole("region", { name: "Audit" })).toContainText("venue_down", {
      timeout: 20_000,
    });
    venue.control("clear");
    await expect(venues).toContainText("paperreached", { timeout: 20_000 });
  },
);

test("profit grows second by second, and is still there after another view", async ({
  page,
  server,
}) => {
  await page.goto(server.linkFor());
  await page.getByRole("link", { name: "Profit" }).click();
  const points = page.getByRole("table", { name: /profit in USD, second by second/ });
  await page.getByRole("radiogroup", { name: "Shown as", exact: true }).getByText("Table").click();
  await expect(points.getByRole("row")).not.toHaveCount(3); // more than a heading and two seconds
  await expect.poll(() => points.getByRole("row").count()).toBeGreaterThan(3);
  await page.getByRole("link", { name: "Health" }).click();
  await page.getByRole("link", { name: "Profit" }).click();
  await expect(page.getByRole("figure").first()).toContainText(/Total profit in USD, all accounts/);
  await page.getByRole("radiogroup", { name: "Shown as", exact: true }).getByText("Table").click();
  expect(await points.getByRole("row").count()).toBeGreaterThan(3);
  await expect(page.getByRole("table", { name: "Accounts" })).toContainText("Sim101");
});
