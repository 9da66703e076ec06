// A run whose step failed is done again, and a run is forked: what the dialogs say is repeated, and by whom they are seen.
import { expect, test } from "../support/test";
import type { Server } from "../support/server";

/** A run that failed at its step “Call the shop”, after “Note it” was done; its id. */
async function failedRun(server: Server): Promise<string> {
  const note = { type: "set_variables", parameters: { seen: true } };
  const call = { type: "http_request", parameters: { url: "http://shop.invalid/", method: "GET" } };
  const steps = [
    { stepSlug: "start", stepType: "trigger", config: { type: "manual" }, nextSteps: { success: "note" } },
    { stepSlug: "note", stepType: "action", name: "Note it", config: note, nextSteps: { success: "call" } },
    { stepSlug: "call", stepType: "action", name: "Call the shop", config: call, nextSteps: {} },
  ];
  const made = await server.api<{ workflow: { id: string } }>("POST", "/api/workflows/import", { document: { name: "Shop", steps } });
  const path = `/api/workflows/${made.workflow.id}`;
  await server.api("POST", `${path}/publish`, {});
  const run = await server.api<{ id: string }>("POST", `${path}/runs`, { input: { order: 7 } });
  await server.api("GET", `/api/runs/${run.id}/wait?timeout_ms=20000`);
  return run.id;
}

test("a failed step is done again from its row, and a run is forked with another input", async ({ page, open, server }) => {
  const id = await failedRun(server);
  await open(`/runs/${id}`);
  const timeline = page.getByTestId("timeline");
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "Failed");
  const retry = timeline.getByRole("button", { name: "Retry from here" });
  await expect(retry).toHaveCount(1);
  await retry.click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByTestId("again-steps").getByRole("listitem")).toHaveCount(1);
  await expect(dialog).toContainText("waits in the inbox for approval");
  await dialog.getByRole("button", { name: "Do again" }).click();
  await expect(timeline).toContainText("let what failed be done again");
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "Failed");

  // The fork: from the first row, with another input.
  const first = timeline.locator('li[data-seq="1"]');
  await first.hover();
  await first.getByRole("button", { name: "Fork from here" }).click();
  await expect(dialog).toContainText("everything up to event 1");
  await dialog.getByLabel("Input").fill("{ not json");
  await dialog.getByRole("button", { name: "Make the fork" }).click();
  await expect(dialog).toContainText("This is not JSON");
  await dialog.getByLabel("Input").fill('{ "order": 8 }');
  await dialog.getByRole("button", { name: "Make the fork" }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !url.pathname.endsWith(id));
  await expect(timeline).toContainText("made this run from another one");
  await page.getByRole("tab", { name: "Data" }).click();
  await expect(page.getByText('"order": 8')).toBeVisible();
});

// Pictures for a look by eye; only where a folder for them is named.
const pictures = process.env.PICTURES;
for (const [name, width, scheme] of [["light", 1280, "light"], ["dark", 1280, "dark"], ["phone", 390, "light"]] as const) {
  test(`how it looks, ${name}`, async ({ page, open, server }) => {
    test.skip(!pictures, "no folder for pictures");
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme });
    const id = await failedRun(server);
    await open(`/runs/${id}`);
    const retry = page.getByTestId("timeline").getByRole("button", { name: "Retry from here" });
    await retry.scrollIntoViewIfNeeded();
    await page.screenshot({ path: `${pictures}/${name}-page.png` });
    await retry.click();
    await page.screenshot({ path: `${pictures}/${name}-retry.png` });
    await page.keyboard.press("Escape");
    const row = page.getByTestId("timeline").locator('li[data-seq="1"]');
    await row.hover();
    await row.getByRole("button", { name: "Fork from here" }).click();
    await page.screenshot({ path: `${pictures}/${name}-fork.png` });
  });
}
