// The main job, as a person does it: draw a workflow with the mouse, publish, run, approve with an edit, and find the
// mail, to the byte, at a real SMTP server; the run page follows without a reload.
import { type Locator, type Page } from "@playwright/test";
import { Mailbox } from "../support/mailbox";
import { enter, open, useSmtp } from "../support/people";
import { expect, test } from "../support/test";

const middle = async (target: Locator) => {
  const box = await target.boundingBox();
  if (!box) throw new Error("not on the screen");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
};

/** Drags from one thing to another as a hand does, in steps. */
async function drag(page: Page, from: Locator, to: Locator) {
  const [start, end] = [await middle(from), await middle(to)];
  await page.mouse.move(start.x, start.y);
  await page.mouse.down();
  await page.mouse.move((start.x + end.x) / 2, (start.y + end.y) / 2, { steps: 5 });
  await page.mouse.move(end.x, end.y, { steps: 5 });
  await page.mouse.up();
}

/** Adds a step from the palette at a point of the canvas; gives its element. */
async function add(page: Page, search: string, option: string | RegExp, at: { x: number; y: number }) {
  const known = await page.locator("[data-node]").evaluateAll((nodes) => nodes.map((node) => node.getAttribute("data-node")));
  await page.mouse.dblclick(at.x, at.y);
  await page.getByTestId("palette-search").fill(search);
  await page.getByRole("option", { name: option }).first().click();
  const fresh = async () => {
    const now = await page.locator("[data-node]").evaluateAll((nodes) => nodes.map((node) => node.getAttribute("data-node")));
    return now.find((id) => !known.includes(id)) ?? "";
  };
  await expect.poll(fresh).not.toBe("");
  return fresh();
}

test("draw, publish, run, approve with an edit, receive", async ({ page }) => {
  const mailbox = await Mailbox.start();
  await enter(page);
  await useSmtp(page, mailbox.port, 500);

  // Draw: trigger → email → end.
  await open(page, "/workflows");
  await page.getByRole("button", { name: /new/i }).first().click();
  const blank = page.getByRole("menuitem", { name: /empty/i }).or(page.getByRole("button", { name: /empty/i }));
  if (await blank.first().isVisible().catch(() => false)) await blank.first().click();
  await page.waitForURL(/\/workflows\/[0-9a-f-]{36}/);
  const canvas = page.getByTestId("editor");
  await expect(canvas).toBeVisible();
  const trigger = page.locator("[data-node][data-kind=trigger]");
  await expect(trigger).toBeVisible();
  const box = (await trigger.boundingBox())!;
  const email = await add(page, "email", /send email/i, { x: box.x + box.width + 160, y: box.y + 150 });
  await page.keyboard.press("Escape");
  const end = await add(page, "end", /^end/i, { x: box.x + 120, y: box.y + 260 });
  await page.keyboard.press("Escape");
  const triggerId = await trigger.getAttribute("data-node");
  await drag(page, page.getByTestId(`out-${triggerId}-success`), page.getByTestId(`in-${email}`));
  await drag(page, page.getByTestId(`out-${email}-success`), page.getByTestId(`in-${end}`));
  await expect(page.locator("[data-edge]")).toHaveCount(2);

  // Configure the email in the side panel.
  await page.locator(`[data-node="${email}"] .step-title`).click();
  const form = page.getByTestId("step-form");
  await form.getByLabel(/^to\b/i).fill("{{input.to}}");
  await form.getByLabel(/^subject/i).fill("Welcome, {{input.name}}");
  await form.getByLabel(/^(body|text)/i).fill("Hello {{input.name}}, good to have you.");
  await expect(page.getByTestId("save-state")).toContainText(/saved/i);

  // Publish and run.
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: /publish/i }).click();
  await expect(page.getByText("Version 1", { exact: true }).first()).toBeVisible();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Input").fill(JSON.stringify({ to: "ada@example.com", name: "Ada" }));
  await dialog.getByRole("button", { name: /run$/i }).click();
  await page.waitForURL(/\/runs\//);
  const run = page.url();

  // The run page stands still at the person, and says so on the canvas too.
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "AwaitingInput");
  await expect(page.locator(`[data-node="${email}"]`)).toHaveAttribute("data-state", /.+/);
  await page.evaluate(() => ((window as any).notReloaded = true));

  // A second window: the inbox. The person edits, then approves.
  const inbox = await page.context().newPage();
  await open(inbox, "/inbox");
  await inbox.getByTestId("inbox-item").first().click();
  await expect(inbox.getByTestId("message-subject")).toHaveText("Welcome, Ada");
  await inbox.getByRole("button", { name: "Edit" }).click();
  const text = "Hello Ada,\n\ngood to have you. – Olga €5";
  await inbox.getByLabel("Subject").fill("Welcome aboard, Ada");
  await inbox.getByLabel("Text").fill(text);
  await inbox.getByRole("button", { name: "Approve and send changed" }).click();
  const mail = await mailbox.received((mail) => mail.to.includes("ada@example.com"));
  expect(mail.subject).toBe("Welcome aboard, Ada");
  expect(mail.text.replace(/\r\n/g, "\n").trimEnd()).toBe(text);

  // The first window followed by itself.
  await expect(page.getByTestId("run-phase")).toHaveAttribute("data-phase", "Completed");
  await expect(page.getByTestId("timeline")).toContainText("Run completed");
  expect(page.url()).toBe(run);
  expect(await page.evaluate(() => (window as any).notReloaded)).toBe(true);
  expect(mailbox.mails.length).toBe(1);
  await mailbox.stop();
});
