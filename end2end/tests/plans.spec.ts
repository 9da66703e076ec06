// What people do with plans: tags, templates and copies, a dry run, an output that is reviewed and made again.
import { expect, test } from "../support/test";
import type { Server } from "../support/server";
import { makeWorkflow } from "../support/workflows";

/** A published plan of one step that a model answers; its id. */
async function plan(server: Server, name: string): Promise<string> {
  const document = { name, description: "", steps: [{ id: "write", prompt: "Write about {{input.topic}}" }] };
  const made = await server.api<{ workflow: { id: string } }>("POST", "/api/workflows/import", { document, format: "dag" });
  await server.api("POST", `/api/workflows/${made.workflow.id}/publish`, {});
  return made.workflow.id;
}

test("a workflow gets tags, becomes a template and is copied", async ({ page, open, server }) => {
  await makeWorkflow(server, "Spring letters");
  await makeWorkflow(server, "Autumn letters");
  await open("/workflows");
  await page.getByRole("button", { name: "Tags and copies of Spring letters" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Tags").fill("season, mail & post");
  await dialog.getByLabel("It is a template").check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();

  // A tag filters, and the filter is in the address.
  await page.getByTestId("tag").filter({ hasText: "mail & post" }).click();
  await expect(page.getByTestId("filtered-tag")).toContainText("mail & post");
  await expect(page.getByRole("link", { name: "Spring letters" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Autumn letters" })).toBeHidden();
  await page.reload();
  await expect(page.getByTestId("filtered-tag")).toContainText("mail & post");
  await page.getByRole("link", { name: "Any tag" }).click();
  await expect(page.getByRole("link", { name: "Autumn letters" })).toBeVisible();
  await page.getByRole("link", { name: "Only templates" }).click();
  await expect(page.getByRole("link", { name: "Autumn letters" })).toBeHidden();

  // The copy is a workflow of its own, and no template.
  await page.getByRole("button", { name: "Tags and copies of Spring letters" }).click();
  await expect(dialog.getByLabel("Name of a copy")).toHaveValue("Spring letters (copy)");
  await dialog.getByLabel("Name of a copy").fill("Summer letters");
  await dialog.getByRole("button", { name: "Make the copy" }).click();
  await page.waitForURL(/\/workflows\/[0-9a-f-]{36}$/);
  await open("/workflows?templates=1");
  await expect(page.getByRole("link", { name: "Spring letters" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Summer letters" })).toBeHidden();
});

test("a dry run says so, and asks nobody", async ({ page, open, server }) => {
  const id = await plan(server, "Dry");
  await open(`/workflows/${id}`);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Input").fill('{ "topic": "rain" }');
  await dialog.getByLabel("Dry run").check();
  await dialog.getByRole("button", { name: "Dry run" }).click();
  await page.waitForURL(/\/runs\//);
  await expect(page.getByText("Dry run: nothing is sent, answers are made up")).toBeVisible();
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "Completed");
  await expect(page.getByTestId("timeline")).toContainText("Dry run started");
});

test("an output is reviewed because the run asks for it, and made again with the reason", async ({ page, open, server }) => {
  const id = await plan(server, "Reviewed");
  await open(`/workflows/${id}`);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Input").fill('{ "topic": "rain" }');
  await dialog.getByText("More about this run").click();
  await dialog.getByRole("group", { name: "A person looks at the output of" }).getByRole("checkbox").check();
  await dialog.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL(/\/runs\//);
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "AwaitingInput");

  await open("/inbox");
  await page.getByTestId("inbox-item").first().click();
  await expect(page.getByLabel("Output under review")).toBeVisible();
  await page.getByRole("button", { name: "Reject" }).click();
  await dialog.getByLabel("Have it made again").check();
  await dialog.getByRole("button", { name: "Reject and try again" }).click();
  await expect(dialog).toContainText("Say what should be different");
  await dialog.getByLabel("Reason").fill("Shorter, please");
  await dialog.getByRole("button", { name: "Reject and try again" }).click();
  await expect(page.getByText("Rejected.", { exact: true })).toBeVisible();

  // The second one comes by itself, and is approved.
  await page.getByTestId("inbox-item").first().click();
  await expect(page.getByLabel("Output under review")).toBeVisible();
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await expect(page.getByText("Approved.", { exact: true })).toBeVisible();
  await expect(async () => {
    const runs = await server.api<{ items: { status: { type: string } }[] }>("GET", `/api/runs?workflow=${id}`);
    expect(runs.items[0].status.type).toBe("Completed");
  }).toPass();
});

test("an open inbox shows at once that nobody decided in time", async ({ page, open, server }) => {
  const id = await plan(server, "Escalated");
  const hitl = { requiredFor: ["write"], escalation: { afterMs: 6000, to: "lead@example.com" } };
  const run = await server.api<{ id: string }>("POST", `/api/workflows/${id}/runs`, { input: { topic: "rain" }, hitl });
  await server.api("GET", `/api/runs/${run.id}/wait?timeout_ms=20000`);
  await open("/inbox");
  const row = page.getByTestId("inbox-item").filter({ hasText: "Escalated" });
  await row.click();
  await expect(page.getByTestId("escalated")).toContainText("lead@example.com", { timeout: 15_000 });
  await expect(row).toContainText("Urgent");
});
