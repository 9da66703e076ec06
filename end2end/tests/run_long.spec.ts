// A run of some 2,500 events opens where it stands: its end shows at once, its beginning when it is asked for.
import type { Page } from "@playwright/test";
import { expect, test } from "../support/test";
import type { Server } from "../support/server";
import { approve, publish, step } from "../support/workflows";

/** A run that went over its items and waits for a person; its id. */
async function longRun(server: Server, items: number): Promise<string> {
  const nodes = [
    { id: "start", kind: { type: "trigger", trigger: { on: "manual" } } },
    { id: "each", label: "Orders", kind: { type: "loop", items: "{{input.items}}" } },
    { id: "note", label: "Note it", kind: { type: "action", tool: "set_variables", parameters: { seen: "{{loop.item}}" } } },
    { id: "ask", label: "Ask the boss", kind: { type: "human", mode: "approve", prompt: "Shall we?" } },
  ];
  const edges = [
    { id: "e1", from: "start", port: "success", to: "each" },
    { id: "e2", from: "each", port: "next", to: "note" },
    { id: "e3", from: "note", port: "success", to: "each" },
    { id: "e4", from: "each", port: "done", to: "ask" },
  ];
  const workflow = await publish(server, "Long loop", { nodes, edges });
  const input = { items: Array.from({ length: items }, (_, number) => number) };
  const run = await server.api<{ id: string }>("POST", `/api/workflows/${workflow}/runs`, { input });
  await server.api("GET", `/api/runs/${run.id}/wait?timeout_ms=60000`);
  return run.id;
}

/** How large the run's canvas is drawn. */
function zoom(page: Page): Promise<number> {
  return page.locator(".canvas-world").evaluate((world) => new DOMMatrix(getComputedStyle(world).transform).a);
}

test("a long run opens where it stands, goes on live, and is readable from its first event", async ({ page, open, server }) => {
  test.setTimeout(180_000); // thousands of rows in a debug build
  const id = await longRun(server, 500);
  const html = await (await page.request.get(`/runs/${id}`)).text();
  expect(html).toContain('data-phase="AwaitingInput"');
  expect(html).not.toContain("Nothing has happened yet");

  await open(`/runs/${id}`);
  const timeline = page.getByTestId("timeline");
  const rows = timeline.locator("li");
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "AwaitingInput");
  await expect(rows.filter({ hasText: "waits for a decision" })).toHaveCount(1);
  await expect(step(page, "note").getByTestId("step-state")).toHaveText("500 done");
  await expect(step(page, "each").getByTestId("step-state")).toHaveText("500 items");
  expect(await zoom(page)).toBeGreaterThanOrEqual(0.6);

  await approve(server, id);
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "Completed");
  await expect(rows.first()).toContainText("Run completed");
  await expect(page.getByRole("button", { name: "Stop" })).toHaveCount(0);

  // Its beginning, page by page.
  const first = timeline.locator('li[data-seq="1"]');
  const more = page.getByRole("button", { name: /^(Show more|Older events)$/ });
  let fetched = 0;
  while ((await first.count()) === 0) {
    const before = await rows.count();
    if ((await more.textContent())?.includes("Older events")) fetched += 1;
    await more.click();
    await expect.poll(() => rows.count(), { timeout: 40_000 }).toBeGreaterThan(before);
  }
  expect(fetched).toBe(2);
  await expect(first).toContainText("Run started");
  await expect(page.getByRole("button", { name: "Older events" })).toHaveCount(0);
  await page.getByRole("button", { name: "Newest first" }).click();
  await expect(rows.first()).toHaveAttribute("data-seq", "1");

  // What each turn was and gave.
  await timeline.getByRole("button", { name: /Note it.* done/ }).first().click();
  await page.getByRole("tab", { name: "Data" }).click();
  const turn = page.getByTestId("step-turn").first();
  await expect(page.getByTestId("run-data").getByRole("heading", { name: "Note it" })).toBeVisible();
  await expect(turn).toContainText("turn 500 of “Orders”");
  await expect(turn).toContainText('"seen": 499');
  await expect(page.getByTestId("run-data")).toContainText("The newest 50 of 500");
});

test("a run that is over opens as over, although its end is far from its beginning", async ({ page, open, server }) => {
  const id = await longRun(server, 500);
  await approve(server, id);
  await server.api("GET", `/api/runs/${id}/wait?timeout_ms=20000&until=end`);
  const html = await (await page.request.get(`/runs/${id}`)).text();
  expect(html).toContain('data-phase="Completed"');
  await open(`/runs/${id}`);
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "Completed");
  await expect(page.getByTestId("timeline").locator("li").first()).toContainText("Run completed");
  await expect(page.getByRole("button", { name: "Pause" })).toHaveCount(0);
  // A fork from an event that is here: what the dialog says is known.
  const row = page.getByTestId("timeline").locator("li").nth(1);
  await row.hover();
  await row.getByRole("button", { name: "Fork from here" }).click();
  await expect(page.getByRole("dialog")).toContainText("everything up to event");
});
