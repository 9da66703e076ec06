// The rules of sending, set by hand: sending hours hold an approved mail until they open, and a contact
// that has revoked its consent is not written to.
import { Mailbox } from "../support/mailbox";
import { mailWorkflow, useSmtp } from "../support/people";
import { expect, test } from "../support/test";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

test("an approved mail waits for the sending hours", async ({ page, open, server }) => {
  const mailbox = await Mailbox.start();
  await useSmtp(server, mailbox.port, 0);
  const workflow = await mailWorkflow(server, "Office hours");

  // Only on the day after the day after tomorrow, so that it is quiet in every zone.
  const open_day = DAYS[(new Date().getUTCDay() + 3) % 7];
  await open("/settings");
  await page.getByRole("tab", { name: "Sending" }).click();
  await page.getByLabel("Send emails only at certain hours").check();
  for (const day of DAYS) await page.getByLabel(day, { exact: true }).setChecked(day === open_day);
  await page.getByLabel("From", { exact: true }).fill("09:00");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The sending rules are saved.")).toBeVisible();

  const input = { to: "ada@example.com", subject: "Good morning", who: "Ada" };
  await server.api("POST", `/api/workflows/${workflow}/runs`, { input });
  // It may come while the page is drawn and not connected yet: it shows all the same.
  await open("/inbox");
  await page.getByTestId("inbox-item").filter({ hasText: "Good morning" }).click();
  const gate = page.getByRole("region", { name: "Send gate" });
  await expect(gate).toContainText("Then it will be sent");
  await expect(gate).toContainText(`emails leave from 09:00 to 20:00 on ${open_day}`);
  await page.getByRole("button", { name: "Approve and send" }).click();
  await expect(page.getByText(/Approved\. It leaves .*09:00/)).toBeVisible();
  expect(mailbox.mails).toHaveLength(0);

  // The rule goes, the mail leaves.
  await open("/settings");
  await page.getByRole("tab", { name: "Sending" }).click();
  await page.getByLabel("Send emails only at certain hours").uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  const mail = await mailbox.received((mail) => mail.to.includes("ada@example.com"));
  expect(mail.text.trim()).toBe("Hello Ada.");
  await mailbox.stop();
});

test("who has revoked the consent is not written to", async ({ page, open, server }) => {
  const workflow = await mailWorkflow(server, "News");
  await open("/contacts");
  await page.getByRole("button", { name: "Add contact" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByLabel("Email", { exact: true }).fill("grace@example.com");
  await page.getByLabel("Consent to emails").selectOption("revoked");
  await page.getByLabel("Where it comes from").fill("a call on Monday");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Consent revoked")).toBeVisible();

  const input = { to: "Grace@example.com", subject: "News", who: "Grace" };
  const run = await server.api<{ id: string }>("POST", `/api/workflows/${workflow}/runs`, { input });
  await open(`/runs/${run.id}`);
  await expect(page.getByText(/has revoked the consent to emails/).first()).toBeVisible();
  const waiting = await server.api<{ items: unknown[] }>("GET", "/api/approvals?state=pending");
  expect(waiting.items).toHaveLength(0);
});
