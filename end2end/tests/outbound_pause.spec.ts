// Pausing outbound by hand: the inbox says so, what is approved meanwhile waits with the reason, and leaves once
// an administrator resumes.
import { Mailbox } from "../support/mailbox";
import { mailWorkflow, useSmtp } from "../support/people";
import { expect, test } from "../support/test";

test("a pause holds what is approved until outbound is resumed", async ({ page, open, server }) => {
  const mailbox = await Mailbox.start();
  await useSmtp(server, mailbox.port, 0);
  const workflow = await mailWorkflow(server, "Price list");

  await open("/settings?tab=outbound");
  await expect(page.getByRole("tab", { name: "Outbound" })).toHaveAttribute("aria-selected", "true");
  await expect(page.getByTestId("outbound-state")).toContainText("Going on");
  await page.getByRole("button", { name: "Pause outbound" }).click();
  const dialog = page.getByRole("dialog", { name: "Pause outbound?" });
  await dialog.getByLabel("Reason").fill("wrong prices");
  await dialog.getByRole("button", { name: "Pause outbound" }).click();
  await expect(page.getByTestId("outbound-state")).toContainText("by Ada Owner: wrong prices");

  const input = { to: "ada@example.com", subject: "New prices", who: "Ada" };
  await server.api("POST", `/api/workflows/${workflow}/runs`, { input });
  await open("/inbox");
  const banner = page.getByTestId("pause-banner");
  await expect(banner).toContainText("Outbound has been paused since");
  await expect(banner).toContainText("wrong prices");
  await page.getByTestId("inbox-item").filter({ hasText: "New prices" }).click();
  const gate = page.getByRole("region", { name: "Send gate" });
  await expect(gate).toContainText("A person must approve it. Outbound has been paused since");
  await page.getByRole("button", { name: "Approve and send" }).click();
  await expect(page.getByText("Approved.", { exact: true })).toBeVisible();
  await page.getByRole("tab", { name: "Decided" }).click();
  await page.getByTestId("inbox-item").filter({ hasText: "New prices" }).click();
  await expect(gate).toContainText("by Ada Owner: wrong prices");
  await expect(page.getByText("Held by the send gate")).toBeVisible();
  expect(mailbox.mails).toHaveLength(0);

  await banner.getByRole("link", { name: "Look at it and resume" }).click();
  await expect(page.getByTestId("outbound-due")).toContainText("1 message is due");
  await page.getByRole("button", { name: "Resume: 1 message is due" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Resume outbound" }).click();
  await expect(page.getByTestId("outbound-state")).toContainText("Going on");
  const mail = await mailbox.received((mail) => mail.to.includes("ada@example.com"));
  expect(mail.text.trim()).toBe("Hello Ada.");
  await open("/inbox");
  await expect(page.getByTestId("inbox-item").filter({ hasText: "New prices" })).toHaveCount(0);
  await expect(banner).toHaveCount(0);
  await mailbox.stop();
});
