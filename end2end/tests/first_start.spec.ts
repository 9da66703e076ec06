// First start: the owner is asked for, once; then people sign in and out.
import { expect, hydrated, test } from "../support/test";
import { Server } from "../support/server";

test.use({ signedIn: false });

test("a fresh server asks for its owner, who signs out and in again", async ({ page }) => {
  const fresh = await Server.start();
  try {
    await page.goto(`${fresh.url}/`);
    await page.waitForURL(/\/setup/);
    await hydrated(page);
    await page.getByLabel("Organisation").fill("Example & Sons");
    await page.getByLabel("Your name").fill("Olga Owner");
    await page.getByLabel("Email").fill("olga@example.com");
    await page.getByLabel("Password").fill("a long password");
    await page.getByRole("button", { name: "Create the organisation" }).click();
    await page.waitForURL(/\/workflows$/);
    await hydrated(page);
    await expect(page.getByText("Example & Sons").first()).toBeVisible();

    await page.getByRole("button", { name: /Olga Owner/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.waitForURL(/\/sign-in/);
    await hydrated(page);
    await page.getByLabel("Email").fill("olga@example.com");
    await page.getByLabel("Password").fill("a long password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(/\/inbox$/);
  } finally {
    await fresh.remove();
  }
});
