// The frame and the shell, before anybody is signed in.
import { expect, test } from "../support/test";

test("an unknown path is a page with status 404", async ({ page }) => {
  const response = await page.goto("/no/such/place");
  expect(response?.status()).toBe(404);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Not found");
  await expect(page).toHaveTitle("Not found · Signalbox");
});
