// A run moves to a newer version of its workflow where its living steps fit; a fork chooses its version.
import { expect, test } from "../support/test";
import { approve, publish, republish } from "../support/workflows";

/** Somebody is asked, then something is noted. */
function graph(asked: string, outcome: string) {
  const nodes = [
    { id: "start", kind: { type: "trigger", trigger: { on: "manual" } } },
    { id: asked, label: "Ask the boss", kind: { type: "human", mode: "approve", prompt: "Shall we?" } },
    { id: "end", label: "Finish", kind: { type: "end", outcome } },
  ];
  const edges = [
    { id: "e1", from: "start", port: "success", to: asked },
    { id: "e2", from: asked, port: "approved", to: "end" },
  ];
  return { nodes, edges };
}

test("a run is moved to a newer version after a look at what that means", async ({ page, open, server }) => {
  const workflow = await publish(server, "Versions", graph("ask", "the first"));
  const run = await server.api<{ id: string }>("POST", `/api/workflows/${workflow}/runs`, {});
  await server.api("GET", `/api/runs/${run.id}/wait?timeout_ms=20000`);
  await open(`/runs/${run.id}`);
  const move = page.getByRole("button", { name: /^Move to version/ });
  await expect(page.getByRole("link", { name: "Version 1" })).toBeVisible();
  await expect(move).toHaveCount(0);

  await republish(server, workflow, graph("ask", "the second"));
  await open(`/runs/${run.id}`);
  await move.click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("Move the run to version 2?");
  await expect(dialog.getByTestId("migration-kept")).toHaveText("Ask the boss");
  await dialog.getByRole("button", { name: "Move to version 2" }).click();
  await expect(page.getByRole("link", { name: "Version 2" })).toBeVisible();
  await expect(page.getByTestId("timeline")).toContainText("moved the run from version 1 to 2");
  await expect(move).toHaveCount(0);

  // A version in which the living step is another one.
  await republish(server, workflow, graph("other", "the third"));
  await open(`/runs/${run.id}`);
  await move.click();
  await expect(dialog.getByTestId("migration-refused")).toContainText("“Ask the boss” is not there any more.");
  await expect(dialog.getByRole("button", { name: "Move to version 3" })).toHaveCount(0);
  await dialog.getByRole("button", { name: "Cancel" }).click();

  await approve(server, run.id);
  // The end of the drawing says it, too.
  const head = page.locator("div", { has: page.getByTestId("run-phase") }).last();
  await expect(head).toContainText("Outcome: the second");
  await expect(move).toHaveCount(0);
});

test("a fork goes on in the version that is chosen, and leads back to where it came from", async ({ page, open, server }) => {
  const workflow = await publish(server, "Forked versions", graph("ask", "the first"));
  const run = await server.api<{ id: string }>("POST", `/api/workflows/${workflow}/runs`, {});
  await server.api("GET", `/api/runs/${run.id}/wait?timeout_ms=20000`);
  await republish(server, workflow, graph("other", "the second"));
  await open(`/runs/${run.id}`);
  const first = page.getByTestId("timeline").locator('li[data-seq="1"]');
  await first.hover();
  await first.getByRole("button", { name: "Fork from here" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel("It goes on in").locator("option")).toHaveText(["Version 2", "Version 1 (as this run)"]);
  await expect(dialog.getByLabel("It goes on in")).toHaveValue("1");
  await dialog.getByLabel("It goes on in").selectOption({ label: "Version 2" });
  await dialog.getByRole("button", { name: "Make the fork" }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !url.pathname.endsWith(run.id));
  await expect(page.getByRole("link", { name: "Version 2" })).toBeVisible();
  await expect(page.getByText("Fork of another run from its event 1")).toBeVisible();
  await page.getByTestId("timeline").getByRole("link", { name: "Open the other run" }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/${run.id}$`));
});

test("a run that another one started leads to it, and back", async ({ page, open, server }) => {
  const inner = await publish(server, "Inner", {
    nodes: [
      { id: "start", kind: { type: "trigger", trigger: { on: "manual" } } },
      { id: "end", kind: { type: "end", outcome: "inner done" } },
    ],
    edges: [{ id: "e1", from: "start", port: "success", to: "end" }],
  });
  const outer = await publish(server, "Outer", {
    nodes: [
      { id: "start", kind: { type: "trigger", trigger: { on: "manual" } } },
      { id: "sub", label: "Run the inner one", kind: { type: "subworkflow", workflow: inner } },
      { id: "end", kind: { type: "end" } },
    ],
    edges: [
      { id: "e1", from: "start", port: "success", to: "sub" },
      { id: "e2", from: "sub", port: "success", to: "end" },
    ],
  });
  const run = await server.api<{ id: string }>("POST", `/api/workflows/${outer}/runs`, {});
  await server.api("GET", `/api/runs/${run.id}/wait?timeout_ms=20000&until=end`);
  await open(`/runs/${run.id}`);
  await page.getByTestId("timeline").getByRole("link", { name: "Open the run that it started" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Inner" })).toBeVisible();
  await expect(page.getByTestId("timeline")).toContainText("Run started by another run");
  await page.getByRole("link", { name: "another run", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Outer" })).toBeVisible();
  await open("/runs");
  const row = page.getByRole("row", { name: /Inner/ });
  await row.getByRole("link", { name: "another run" }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/${run.id}$`));
});
