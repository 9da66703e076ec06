// What every spec imports: Playwright's `test` with a server per worker and pages that must stay free of errors.
import { type Page, test as base } from "@playwright/test";
import { Server } from "./server";

export { expect } from "@playwright/test";

type Fixtures = {
  /** Whether the browser carries the owner's session; `test.use({ signedIn: false })` for nobody's. */
  signedIn: boolean;
  /** Opens a path of the server and waits until the page is awake: clicks before that are lost. */
  open: (path: string) => Promise<void>;
  /** Errors in the browser's console; checked to be empty after each test. */
  consoleErrors: string[];
};

export const test = base.extend<Fixtures, { server: Server }>({
  server: [
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.remove();
    },
    { scope: "worker" },
  ],
  signedIn: [true, { option: true }],
  context: async ({ context, server, signedIn }, use) => {
    if (signedIn) await context.addCookies([{ ...(await server.session()), url: server.url }]);
    await use(context);
  },
  baseURL: async ({ server }, use) => use(server.url),
  consoleErrors: [
    async ({ page }, use) => {
      const errors: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(`${message.text()} ${message.location().url}`);
      });
      page.on("pageerror", (error) => errors.push(error.message));
      await use(errors);
      if (errors.length > 0) throw new Error(`errors in the browser's console:\n${errors.join("\n")}`);
    },
    { auto: true },
  ],
  open: async ({ page }, use) => {
    await use(async (path) => {
      await page.goto(path);
      await hydrated(page);
    });
  },
});

/** Waits until the page reacts to clicks. */
export async function hydrated(page: Page): Promise<void> {
  await page.locator("body[data-hydrated]").waitFor({ state: "attached" });
}
