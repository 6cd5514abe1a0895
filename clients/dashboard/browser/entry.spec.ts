import { expect, test } from "./fixtures.ts";

test("a link with a token signs in, and the token leaves the address", async ({ page, server }) => {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(server.linkFor());
  await expect(page.getByRole("heading", { name: "Positions" })).toBeVisible();
  await expect(page.getByRole("row", { name: /MES 12-25/ }).first()).toBeVisible();
  expect(page.url()).not.toContain("token");
  expect(complaints).toEqual([]); // the policy of the page was kept, too
});

test("a token is asked for, and a wrong one is refused with the reason", async ({
  page,
  server,
}) => {
  await page.goto(server.address);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("does not know this token");
  await page.getByLabel("Token").fill(server.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Positions" })).toBeVisible();
});
