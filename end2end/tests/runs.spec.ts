// Finding a run: filters that stand in the address, and a list that says why it is empty.
import type { WebSocketRoute } from "@playwright/test";
import type { Server } from "../support/server";
import { expect, test } from "../support/test";
import { approve, publish, step } from "../support/workflows";

test("runs are filtered, the address keeps the filter, and an empty list says which filter hides the others", async ({ page, open, server }) => {
  const graph = {
    nodes: [
      { id: "start", kind: { type: "trigger", trigger: { on: "manual" } } },
      { id: "ask", label: "Ask the boss", kind: { type: "human", mode: "approve", prompt: "Shall we?" } },
    ],
    edges: [{ id: "e1", from: "start", port: "success", to: "ask" }],
  };
  const document = { format: "signalbox/v1", name: "Orders", graph };
  const origin = { origin: server.url };
  const made = await server.api<{ workflow: { id: string } }>("POST", "/api/workflows/import", { document }, origin);
  const workflow = made.workflow.id;
  await server.api("POST", `/api/workflows/${workflow}/publish`, {}, origin);
  for (const order of ["A-4711", "A-4712"]) {
    await server.api("POST", `/api/workflows/${workflow}/runs`, { input: { order } }, origin);
  }

  await open("/runs");
  const rows = page.getByRole("row", { name: /Orders/ });
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText("Ask the boss");

  await page.getByLabel("Search").fill("4711");
  await expect(rows).toHaveCount(1);
  await expect(page).toHaveURL(/\/runs\?q=4711$/);
  await page.getByLabel("Workflow").selectOption({ label: "Orders" });
  await page.getByLabel("State").selectOption("Failed");
  await expect(page.getByText("No run matches")).toBeVisible();
  await expect(page.getByText("none of them is in this state")).toBeVisible();
  await expect(page).toHaveURL(/state=Failed/);

  await open(new URL(page.url()).pathname + new URL(page.url()).search);
  await expect(page.getByLabel("Search")).toHaveValue("4711");
  await expect(page.getByLabel("State")).toHaveValue("Failed");
  await page.getByRole("button", { name: "Any state" }).click();
  await expect(rows).toHaveCount(1);
  await expect(page.getByLabel("Workflow").locator("option:checked")).toHaveText("Orders");
  await page.getByLabel("Started").selectOption("7d");
  await expect(rows).toHaveCount(1);
  await page.getByLabel("Search").fill("nothing like it");
  await page.getByRole("button", { name: "Clear all filters" }).click();
  await expect(rows).toHaveCount(2);
  await expect(page).toHaveURL(/\/runs$/);
});

test("a contact leads to its runs, and a run that comes to be about it shows", async ({ page, open, server }) => {
  const nodes = [{ id: "start", kind: { type: "trigger", trigger: { on: "manual" } } }];
  const workflow = await publish(server, "Greet", { nodes, edges: [] });
  const contact = (name: string) =>
    server.api<{ id: string }>("POST", "/api/contacts", { name, email: `${name.toLowerCase()}@example.com` });
  const [barbara, carol] = [await contact("Barbara"), await contact("Carol")];
  const begin = (contacts: string[]) =>
    server.api<{ id: string }>("POST", `/api/workflows/${workflow}/runs`, { input: {}, contacts });
  await begin([barbara.id]);
  await begin([carol.id]);

  await open("/contacts");
  await page.getByRole("row", { name: /Barbara/ }).getByRole("link", { name: "Show runs" }).click();
  await expect(page).toHaveURL(new RegExp(`/runs\\?contact=${barbara.id}$`));
  await expect(page.getByLabel("Contact").locator("option:checked")).toHaveText("Barbara");
  const rows = page.getByRole("row", { name: /Greet/ });
  await expect(rows).toHaveCount(1);
  await expect(page.getByTitle("Connected: what happens shows at once")).toBeVisible();
  await begin([carol.id]);
  await begin([barbara.id]);
  await expect(rows).toHaveCount(2);
  await expect(rows.filter({ hasText: "Carol" })).toHaveCount(0);

  await page.getByLabel("State").selectOption("Failed");
  await page.getByRole("button", { name: "Any state" }).click();
  await expect(rows).toHaveCount(2);
  await page.getByLabel("Contact").selectOption({ label: "All contacts" });
  await expect(rows).toHaveCount(4);
  await expect(page.getByLabel("Contact")).toHaveCount(0);
  await expect(page).toHaveURL(/\/runs$/);
});

test("how long runs are kept is set in plain words", async ({ page, open, server, consoleErrors }) => {
  await open("/settings");
  await page.getByRole("tab", { name: "History" }).click();
  const runs = page.getByLabel("Keep runs for (days)");
  await expect(runs).toHaveValue("30");
  await runs.fill("3");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("runs are kept at least as long as events")).toBeVisible();
  expect(consoleErrors.splice(0).filter((error) => !error.includes("422"))).toEqual([]);
  await runs.fill("90");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The settings are saved.")).toBeVisible();
  expect(await server.api("GET", "/api/settings/history")).toEqual({ runs_days: 90, keys_days: 7 });
});

test("a long run opens where it stands", async ({ page, open, server }) => {
  const pure = Array.from({ length: 20 }, (_, number) => ({
    id: `s${number}`,
    kind: { type: "action", tool: "set_variables", parameters: { number } },
  }));
  const nodes = [
    { id: "start", kind: { type: "trigger", trigger: { on: "manual" } } },
    ...pure,
    { id: "ask", kind: { type: "human", mode: "approve", prompt: "Shall we?" } },
  ];
  const edges = nodes.slice(1).map((node, at) => ({ id: `e${at}`, from: nodes[at].id, port: "success", to: node.id }));
  const document = { format: "signalbox/v1", name: "Long", graph: { nodes, edges } };
  const origin = { origin: server.url };
  const made = await server.api<{ workflow: { id: string } }>("POST", "/api/workflows/import", { document }, origin);
  await server.api("POST", `/api/workflows/${made.workflow.id}/publish`, {}, origin);
  const run = await server.api<{ id: string }>("POST", `/api/workflows/${made.workflow.id}/runs`, {}, origin);

  await open(`/runs/${run.id}`);
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "AwaitingInput");
  await expect(step(page, "ask")).toBeInViewport();
  await expect(step(page, "ask").getByTestId("step-state")).toBeVisible();
  await expect(step(page, "start")).not.toBeInViewport();
});

/** A run that waits for a person; the ids of its workflow and itself. */
async function waiting(server: Server, name: string): Promise<{ workflow: string; run: string }> {
  const nodes = [
    { id: "start", kind: { type: "trigger", trigger: { on: "manual" } } },
    { id: "ask", kind: { type: "human", mode: "approve", prompt: "Shall we?" } },
  ];
  const workflow = await publish(server, name, { nodes, edges: [{ id: "e1", from: "start", port: "success", to: "ask" }] });
  const run = await server.api<{ id: string }>("POST", `/api/workflows/${workflow}/runs`, {});
  await server.api("GET", `/api/runs/${run.id}/wait?timeout_ms=20000`);
  return { workflow, run: run.id };
}

test("a run that changes its state leaves one filter and enters another", async ({ page, open, server }) => {
  const { workflow, run } = await waiting(server, "Filtered");
  const rows = page.getByRole("row", { name: /Filtered/ });
  await open(`/runs?state=AwaitingInput&workflow=${workflow}`);
  await expect(page.getByTitle("Connected: what happens shows at once")).toBeVisible();
  await expect(rows).toHaveCount(1);
  await approve(server, run);
  await expect(rows).toHaveCount(0);

  const second = await server.api<{ id: string }>("POST", `/api/workflows/${workflow}/runs`, {});
  await server.api("GET", `/api/runs/${second.id}/wait?timeout_ms=20000`);
  await open(`/runs?state=Completed&workflow=${workflow}`);
  await expect(page.getByTitle("Connected: what happens shows at once")).toBeVisible();
  await expect(rows).toHaveCount(1);
  await approve(server, second.id);
  await expect(rows).toHaveCount(2);
});

test("a list that could not be fetched comes when the server is back", async ({ page, open, consoleErrors }) => {
  const sockets: WebSocketRoute[] = [];
  await page.routeWebSocket(/\/api\/live$/, (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  await open("/runs");
  await expect(page.getByTitle("Connected: what happens shows at once")).toBeVisible();
  const lists = (url: URL) => url.pathname === "/api/runs";
  await page.route(lists, (route) => route.abort());
  await page.getByLabel("State").selectOption("Failed");
  await expect(page.getByRole("alert")).toContainText("The server cannot be reached");
  await page.unroute(lists);
  await sockets[0].close();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(page.getByTitle("Connected: what happens shows at once")).toBeVisible();
  // Chromium reports the requests that failed.
  expect(consoleErrors.splice(0).filter((error) => !error.includes("ERR_FAILED"))).toEqual([]);
});
