// The shell and the frame around every page.
import { expect, hydrated, test } from "../support/test";
import { makeWorkflow } from "../support/workflows";

test.describe("signed out", () => {
  test.use({ signedIn: false });

  test("every place leads to the sign-in page, which knows the way back", async ({ page, server }) => {
    await server.session(); // so that there is an owner
    await page.goto("/runs");
    await expect(page).toHaveURL(/\/sign-in\?next=\/runs$/);
  });

  test("the way back carries what was filtered by", async ({ page, server }) => {
    await server.session();
    const { OWNER } = await import("../support/server");
    await page.goto("/runs?state=Failed&q=shop");
    await expect(page).toHaveURL(/\/sign-in\?next=\/runs%3Fstate%3DFailed%26q%3Dshop$/);
    await hydrated(page);
    await page.getByLabel("Email").fill(OWNER.email);
    await page.getByLabel("Password").fill(OWNER.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page).toHaveURL(/\/runs\?state=Failed&q=shop$/);
  });
});

test("every page sends a policy without unsafe sources", async ({ page }) => {
  const response = await page.goto("/inbox");
  const policy = response?.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("'unsafe-inline'");
  expect(policy).not.toContain("'unsafe-eval'");
});

test("the rail leads to every place and folds to icons", async ({ page, open }) => {
  await open("/inbox");
  const rail = page.getByRole("navigation", { name: "Main" });
  for (const place of ["Runs", "Workflows", "Contacts", "Templates", "Sandbox", "Settings", "Inbox"]) {
    await rail.getByRole("link", { name: place }).click();
    await expect(page).toHaveURL(new RegExp(`/${place.toLowerCase()}$`));
    await expect(page.getByRole("heading", { level: 1, name: place })).toBeVisible();
    await expect(rail.getByRole("link", { name: place })).toHaveAttribute("aria-current", "page");
  }
  await page.getByRole("button", { name: "Fold the rail" }).click();
  await expect.poll(async () => (await rail.boundingBox())?.width).toBeLessThan(70);
  await page.reload();
  await expect.poll(async () => (await rail.boundingBox())?.width).toBeLessThan(70);
});

test("Ctrl+K opens the palette, a few letters and Enter go there", async ({ page, open }) => {
  await open("/inbox");
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox")).toBeFocused();
  await page.keyboard.type("cont");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/contacts$/);
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.keyboard.press("Control+k");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("the theme is kept, and drawn by the server", async ({ page, open }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await open("/inbox");
  const theme = page.getByRole("button", { name: "Theme" });
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await background();
  await theme.click();
  await theme.click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  expect(await background()).not.toBe(light);
  const html = await (await page.request.get("/inbox")).text();
  expect(html).toContain('<html lang="en" data-theme="dark"');
});

test("the live stream connects", async ({ page, open }) => {
  await open("/inbox");
  await expect(page.getByTitle("Connected: what happens shows at once")).toBeVisible();
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 } });

  test("the bar at the bottom has the inbox first and nothing scrolls sideways", async ({ page, open }) => {
    await open("/inbox");
    const links = page.getByRole("navigation", { name: "Main" }).getByRole("link");
    await expect(links.first()).toHaveText(/Inbox/);
    await links.nth(1).click();
    await expect(page).toHaveURL(/\/runs$/);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });

  test("a wide table scrolls in itself", async ({ page, open, server }) => {
    await makeWorkflow(server, "A workflow with a rather long name, and then some more of it");
    await open("/workflows");
    await expect(page.getByRole("table", { name: "Workflows" })).toBeVisible();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });

  test("every place is in the bar or behind its last entry", async ({ page, open }) => {
    await open("/inbox");
    const bar = page.getByRole("navigation", { name: "Main" });
    const more = bar.locator("summary");
    await more.click();
    await page.keyboard.press("Escape");
    await expect(bar.getByRole("link", { name: "Templates" })).toBeHidden();
    await more.click();
    await bar.getByRole("link", { name: "Templates" }).click();
    await expect(page).toHaveURL(/\/templates$/);
    await expect(more).toHaveAttribute("aria-current", "page");
    await expect(bar.getByRole("link", { name: "Sandbox" })).toBeHidden();
    await more.click();
    await bar.getByRole("link", { name: "Sandbox" }).click();
    await expect(page).toHaveURL(/\/sandbox$/);
  });
});

test.describe("on a phone that is touched", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("tabs that have no room scroll, and none lies over its neighbour", async ({ page, open }) => {
    await open("/settings");
    const tabs = page.getByRole("tab");
    await expect(tabs.last()).toBeAttached();
    const cut = await tabs.evaluateAll((all) => all.filter((tab) => tab.scrollWidth > tab.clientWidth).length);
    expect(cut).toBe(0);
    await tabs.last().click();
    await expect(tabs.last()).toHaveAttribute("aria-selected", "true");
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });
});

test("signing out ends the session", async ({ page, open, server, browser }) => {
  // A session of its own: the worker's stays.
  const { OWNER } = await import("../support/server");
  const context = await browser.newContext({ baseURL: server.url });
  const own = await context.newPage();
  const signIn = await own.request.post("/api/session", { data: { email: OWNER.email, password: OWNER.password } });
  expect(signIn.ok()).toBe(true);
  await own.goto("/inbox");
  await own.locator("body[data-hydrated]").waitFor({ state: "attached" });
  await own.getByRole("button", { name: "Account of" }).click();
  await own.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(own).toHaveURL(/\/sign-in/);
  expect((await own.request.get("/api/me")).status()).toBe(401);
  await context.close();
  await open("/inbox");
  await expect(page).toHaveURL(/\/inbox/);
});

test.describe("an unknown path", () => {
  test("is a page with status 404", async ({ page, consoleErrors }) => {
    const response = await page.goto("/no/such/place");
    expect(response?.status()).toBe(404);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Not found");
    await expect(page).toHaveTitle("Not found · Signalbox");
    // Chromium itself reports the page's status as an error.
    expect(consoleErrors.every((text) => text.includes("404"))).toBe(true);
    consoleErrors.length = 0;
    await hydrated(page);
    await page.getByRole("link", { name: "Open the inbox" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(/Inbox/);
    await expect(page).toHaveURL(/\/inbox$/);
    await expect(page.getByTitle("Connected: what happens shows at once")).toBeVisible();
  });
});
