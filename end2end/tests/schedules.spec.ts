// A workflow that starts by itself: the schedule is read out while it is typed, and the list says when it comes.
import { expect, test } from "../support/test";
import { draft, makeWorkflow, saved } from "../support/workflows";

test("a schedule reads as a sentence, is published, and the list says when it runs next", async ({ page, open, server }) => {
  const id = await makeWorkflow(server, "Every morning");
  await open(`/workflows/${id}`);
  await page.locator('[data-kind="trigger"]').click();
  await page.getByLabel("Started").selectOption("schedule");

  const rule = page.getByLabel("Schedule", { exact: true });
  await rule.fill("0 25 * * *");
  await expect(page.getByText("The hour 25 is out of range")).not.toHaveCount(0);
  // Saved as it is, and long enough to have been read out if it could be.
  await saved(page);
  await rule.fill("30 7 * * 1-5");
  const reading = page.getByTestId("schedule-reading");
  await expect(reading).toContainText("Every weekday at 07:30");
  await page.getByLabel("Time zone").fill("Mars/Base");
  await expect(reading).toHaveCount(0);
  await saved(page);
  await page.getByLabel("Time zone").fill("Europe/Berlin");
  await expect(reading).toContainText("Every weekday at 07:30 Europe/Berlin");
  await expect(reading.getByRole("listitem")).toHaveCount(5);
  // The organisation is in Berlin; the times are the rule's.
  await page.getByLabel("Time zone").fill("America/New_York");
  await expect(reading).toContainText("Next times in America/New_York:");
  await expect(reading.getByRole("listitem").first()).toContainText("07:30");
  await page.getByLabel("Time zone").fill("Europe/Berlin");
  await expect(reading).toContainText("Next times in Europe/Berlin:");
  await page.getByLabel("After missed times").selectOption("all");
  await page.getByLabel("Leave a time out").check();

  await saved(page);
  const trigger = (await draft(server, id)).nodes.find((node) => node.kind.type === "trigger");
  expect(trigger?.kind).toMatchObject({
    trigger: { on: "schedule", cron: "30 7 * * 1-5", timezone: "Europe/Berlin" },
    schedule: { misfire: "all", no_overlap: true },
  });

  const steps = [
    { stepSlug: "go", stepType: "trigger", config: { type: "schedule", cron: "0 3 * * *" }, nextSteps: { success: "end" } },
  ];
  const body = { document: { name: "Nightly", steps } };
  const made = await server.api<{ workflow: { id: string } }>("POST", "/api/workflows/import", body, { origin: server.url });
  await server.api("POST", `/api/workflows/${made.workflow.id}/publish`, {}, { origin: server.url });
  await open("/workflows");
  await expect(page.getByRole("row", { name: /Nightly/ })).toContainText(/next run (\w{3} )?03:00/);
});

test("an event is chosen by what it says, with a filter", async ({ page, open, server }) => {
  const id = await makeWorkflow(server, "New contacts");
  await open(`/workflows/${id}`);
  await page.locator('[data-kind="trigger"]').click();
  await page.getByLabel("Started").selectOption("event");
  await page.getByLabel("Event", { exact: true }).selectOption("customer.updated");
  await page.getByLabel("Only when").first().fill("event.customer.status == 'VIP'");
  await saved(page);
  const trigger = (await draft(server, id)).nodes.find((node) => node.kind.type === "trigger");
  expect(trigger?.kind).toMatchObject({
    trigger: { on: "event", event_type: "customer.updated" },
    filter: "event.customer.status == 'VIP'",
  });
});

test("a wait chooses its event by what it says, or another one by its name", async ({ page, open, server }) => {
  const graph = {
    nodes: [
      { id: "start", kind: { type: "trigger", trigger: { on: "manual" } } },
      { id: "pause", kind: { type: "wait", for: "event", event: "reply" } },
      { id: "end", kind: { type: "end" } },
    ],
    edges: [
      { id: "e1", from: "start", port: "success", to: "pause" },
      { id: "e2", from: "pause", port: "success", to: "end" },
    ],
  };
  const body = { document: { format: "signalbox/v1", name: "Waits", graph } };
  const made = await server.api<{ workflow: { id: string } }>("POST", "/api/workflows/import", body, { origin: server.url });
  const id = made.workflow.id;
  await open(`/workflows/${id}`);
  await page.locator('[data-kind="wait"]').click();
  const choice = page.locator("#wait-event-type");
  await expect(choice).toHaveValue("email.replied");
  await choice.selectOption("email.bounced");
  await expect(page.locator("#wait-event")).toHaveCount(0);
  await choice.selectOption("");
  await page.locator("#wait-event").fill("payment.received");
  await expect(page.getByText("POST /api/events")).not.toHaveCount(0);
  await saved(page);
  const wait = (await draft(server, id)).nodes.find((node) => node.id === "pause");
  expect(wait?.kind).toMatchObject({ for: "event", event: "payment.received" });
});
