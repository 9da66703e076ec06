// The inbox by keyboard alone: open, edit, approve, reject with a reason, take back.
import { Mailbox } from "../support/mailbox";
import { mailWorkflow, useSmtp } from "../support/people";
import { expect, test } from "../support/test";

test("three mails are decided without the mouse", async ({ page, open, server }) => {
  const mailbox = await Mailbox.start();
  await useSmtp(server, mailbox.port, 3_000);
  const workflow = await mailWorkflow(server, "Keyboard");
  await open("/inbox");
  // Each shows by itself before the next is made, so that their order is known.
  for (const number of [1, 2, 3]) {
    const input = { to: `k${number}@example.com`, subject: `Key ${number}`, who: `reader ${number}` };
    await server.api("POST", `/api/workflows/${workflow}/runs`, { input });
    await expect(page.getByTestId("inbox-item").filter({ hasText: "Key " })).toHaveCount(number);
  }

  // j opens the first. It is approved, and z takes it back while it is held.
  await page.keyboard.press("j");
  await expect(page.getByTestId("item-title")).toHaveText("Key 1");
  await page.keyboard.press("a");
  await expect(page.getByTestId("item-title")).toHaveText("Key 2");
  await page.keyboard.press("z");
  await expect(page.getByText("Taken back. It waits again.")).toBeVisible();
  await expect(page.getByTestId("inbox-item").filter({ hasText: "Key 1" })).toBeVisible();

  // The second is rejected with a reason.
  await page.keyboard.press("#");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.type("Wrong tone");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText("Rejected.", { exact: true })).toBeVisible();

  // The third is edited; letters are text while one writes.
  await expect(page.getByTestId("item-title")).toHaveText(/Key [13]/);
  while ((await page.getByTestId("item-title").textContent()) !== "Key 3") await page.keyboard.press("j");
  await page.keyboard.press("e");
  await expect(page.getByLabel("Text")).toBeFocused();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("Just a joke about keys.");
  await page.keyboard.press("Control+Enter");
  const edited = await mailbox.received((mail) => mail.to.includes("k3@example.com"));
  expect(edited.text.trim()).toBe("Just a joke about keys.");

  // The first goes after all.
  await page.keyboard.press("k");
  await expect(page.getByTestId("item-title")).toHaveText("Key 1");
  await page.keyboard.press("a");
  await mailbox.received((mail) => mail.to.includes("k1@example.com"));
  expect(mailbox.mails.map((mail) => mail.to[0]).sort()).toEqual(["k1@example.com", "k3@example.com"]);
  await mailbox.stop();
});
