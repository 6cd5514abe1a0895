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

test("signing out forgets the token, and a token that is revoked signs out with the reason", async ({
  page,
  server,
}) => {
  const token = server.tokenFor("viewer");
  await page.goto(server.linkFor(token));
  await page.getByRole("button", { name: "Signed in as a-viewer" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token")).toBeVisible();
  await expect(page.getByRole("alert")).toBeHidden();
  await page.reload();
  await expect(page.getByLabel("Token")).toBeVisible();

  await page.goto(server.linkFor(token)); // into the tab as it is
  await expect(page.getByRole("heading", { name: "Positions" })).toBeVisible();
  expect(page.url()).not.toContain("token");
  server.revokeTokensOf("a-viewer");
  await expect(page.getByRole("alert")).toContainText("knows it no longer");
});
