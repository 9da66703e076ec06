// What the specs of the editor share: workflows by the API, places on the canvas.
import { type Locator, type Page, expect } from "@playwright/test";
import type { Server } from "./server";

/** Makes an empty workflow with a manual trigger and gives its id. */
export async function makeWorkflow(server: Server, name: string): Promise<string> {
  const made = await server.api<{ workflow: { id: string } }>("POST", "/api/workflows", { name }, { origin: server.url });
  return made.workflow.id;
}

export type Graph = {
  nodes: { id: string; kind: { type: string; parameters?: unknown } }[];
  edges: { from: string; port: string; to: string }[];
};

/** The draft's graph as the server has it. */
export async function draft(server: Server, id: string): Promise<Graph> {
  return (await server.api<{ graph: Graph }>("GET", `/api/workflows/${id}`)).graph;
}

/** A step's element. */
export function step(page: Page, id: string): Locator {
  return page.locator(`[data-node="${id}"]`);
}

/** The middle of an element, in the page. */
export async function middle(target: Locator): Promise<{ x: number; y: number }> {
  const box = await target.boundingBox();
  if (!box) throw new Error("not drawn");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Drags with the mouse in several moves, as a hand does. */
export async function drag(page: Page, from: { x: number; y: number }, to: { x: number; y: number }, moves = 12) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: moves });
  // Moves are handled once a frame.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.mouse.up();
}

/** Adds a step from the open palette. */
export async function choose(page: Page, name: string): Promise<void> {
  await page.getByTestId("palette-search").fill(name);
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("palette-search")).toBeHidden();
}

/** Waits until the draft is on the server. */
export async function saved(page: Page): Promise<void> {
  await expect(page.getByTestId("save-state")).toHaveText("Saved");
}

/** Makes a workflow of a graph and publishes it; its id. */
export async function publish(server: Server, name: string, graph: unknown): Promise<string> {
  const document = { format: "signalbox/v1", name, graph };
  const made = await server.api<{ workflow: { id: string } }>("POST", "/api/workflows/import", { document });
  await server.api("POST", `/api/workflows/${made.workflow.id}/publish`, {});
  return made.workflow.id;
}

/** Publishes another version of a workflow. */
export async function republish(server: Server, id: string, graph: unknown): Promise<void> {
  const known = await server.api<{ draft_revision: number; workflow: { name: string } }>("GET", `/api/workflows/${id}`);
  const saved = { name: known.workflow.name, description: "", graph };
  await server.api("PUT", `/api/workflows/${id}`, saved, { "if-match": `"${known.draft_revision}"` });
  await server.api("POST", `/api/workflows/${id}/publish`, {});
}

type Waiting = { id: string; run: string | null; revision: number };

/** Approves what a run waits for. */
export async function approve(server: Server, run: string): Promise<void> {
  const { items } = await server.api<{ items: Waiting[] }>("GET", "/api/approvals?state=pending&limit=200");
  const waiting = items.find((item) => item.run === run);
  if (!waiting) throw new Error(`run ${run} waits for nobody`);
  await server.api("POST", `/api/approvals/${waiting.id}/decide`, { decision: "approve", revision: waiting.revision });
}
