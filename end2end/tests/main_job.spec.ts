// The main job, as a person does it: draw a workflow with the mouse, publish, run, approve with an edit, and find the
// mail, to the letter, at a real SMTP server; the run page follows without a reload.
import { Mailbox } from "../support/mailbox";
import { useSmtp } from "../support/people";
import { expect, hydrated, test } from "../support/test";
import { choose, drag, makeWorkflow, middle, saved } from "../support/workflows";

test("draw, publish, run, approve with an edit, receive", async ({ page, open, server }) => {
  const mailbox = await Mailbox.start();
  await useSmtp(server, mailbox.port, 500);
  const id = await makeWorkflow(server, "Welcome");
  await open(`/workflows/${id}`);

  // Draw: trigger → email → end. A wire let go over nothing offers the palette.
  const trigger = page.locator('[data-kind="trigger"]');
  await expect(trigger).toBeVisible();
  const port = await middle(trigger.locator('[data-port="success"]'));
  await drag(page, port, { x: port.x + 130, y: port.y + 10 });
  await choose(page, "Send email");
  const email = page.locator('[data-kind="action"]');
  await expect(email).toBeVisible();
  await page.getByLabel("To", { exact: true }).fill("{{input.to}}");
  await page.getByLabel("Subject").first().fill("Welcome, {{input.name}}");
  await page.getByLabel(/^Body/).first().fill("Hello {{input.name}}, good to have you.");
  await page.keyboard.press("Escape");
  const free = await middle(email);
  await page.mouse.dblclick(free.x, free.y + 170);
  await choose(page, "End");
  const end = page.locator('[data-kind="end"]');
  await drag(page, await middle(email.locator('[data-port="success"]')), await middle(end));
  await expect(page.locator("[data-edge]")).toHaveCount(2);
  await saved(page);

  // Publish and run.
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^Publish/ }).click();
  await expect(page.getByText("Version 1", { exact: true }).first()).toBeVisible();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Input").fill(JSON.stringify({ to: "ada@example.com", name: "Ada" }));
  await dialog.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL(/\/runs\//);
  const run = page.url();

  // The run stands still at the person, and says so on the canvas too.
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "AwaitingInput");
  await expect(page.locator('[data-kind="action"]').getByTestId("step-state")).toBeVisible();
  await page.evaluate(() => Object.assign(window, { notReloaded: true }));

  // A second window: the inbox. The person edits, then approves.
  const inbox = await page.context().newPage();
  await inbox.goto("/inbox");
  await hydrated(inbox);
  await inbox.getByTestId("inbox-item").filter({ hasText: "Welcome, Ada" }).click();
  await expect(inbox.getByTestId("message-subject")).toHaveText("Welcome, Ada");
  await inbox.getByRole("button", { name: "Edit" }).click();
  const text = "Hello Ada,\n\ngood to have you. – Olga, €5\n.a line that starts with a dot";
  await inbox.getByLabel("Subject").fill("Welcome aboard, Ada");
  await inbox.getByLabel("Text").fill(text);
  await inbox.getByRole("button", { name: "Approve and send changed" }).click();
  const mail = await mailbox.received((mail) => mail.to.includes("ada@example.com"));
  expect(mail.subject).toBe("Welcome aboard, Ada");
  expect(mail.text.replace(/\r\n/g, "\n").trimEnd()).toBe(text);

  // The first window followed by itself: the timeline and the canvas.
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "Completed");
  await expect(page.getByTestId("timeline")).toContainText("Run completed");
  await expect(page.locator('[data-kind="action"]')).toHaveAttribute("data-state", "completed");
  expect(page.url()).toBe(run);
  expect(await page.evaluate(() => "notReloaded" in window)).toBe(true);
  expect(mailbox.mails.filter((mail) => mail.to.includes("ada@example.com"))).toHaveLength(1);
  await mailbox.stop();
});
