// Browser tests in real Chromium. Each worker starts servers of its own (support/server.ts), so there is
// no webServer here. Run: `make test-e2e`, or `npx playwright test -c end2end -g "part of a title"`.
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { defineConfig } from "@playwright/test";

const root = resolve(__dirname, "..");
// scripts/browser knows where to look; nothing printed means Playwright's own browser.
const chromium =
  process.env.CHROMIUM || execFileSync("scripts/browser", { cwd: root, encoding: "utf8" }).trim();

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  timeout: 60_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 2,
  retries: 0,
  forbidOnly: !!process.env.CI,
  reporter: [["list"], ["./support/summary.ts"]],
  use: {
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: chromium || undefined,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
