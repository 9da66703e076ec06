// What a person does first: sets the server up, signs in, adds a contact. The API calls go through the page, with its
// cookies and its origin, as the application's own do.
import { type Page, expect } from "@playwright/test";

export const OWNER = {
  organization: "Example & Sons",
  name: "Olga Owner",
  email: "olga@example.com",
  password: "correct horse battery",
};

/** Opens a path and waits until the page is awake. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await expect(page.locator("body[data-hydrated]")).toBeAttached();
}

/** Sets the server up in the browser, once; signs in when it was set up before. */
export async function enter(page: Page): Promise<void> {
  await open(page, "/sign-in");
  const state = await page.evaluate(() => fetch("/api/setup").then((answer) => answer.json()));
  if (state.needs_owner) {
    await open(page, "/setup");
    await page.getByLabel("Organisation").fill(OWNER.organization);
    await page.getByLabel("Your name").fill(OWNER.name);
    await page.getByLabel("Email").fill(OWNER.email);
    await page.getByLabel("Password").fill(OWNER.password);
    await page.getByRole("button", { name: "Create the organisation" }).click();
    await page.waitForURL("**/workflows");
  } else {
    await page.getByLabel("Email").fill(OWNER.email);
    await page.getByLabel("Password").fill(OWNER.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  }
  await expect(page.locator("body[data-hydrated]")).toBeAttached();
}

/** Calls the API as the page does. Throws what the server says when it refuses. */
export async function api<T = any>(page: Page, method: string, path: string, body?: unknown, headers = {}): Promise<T> {
  const answer = await page.evaluate(
    async ({ method, path, body, headers }) => {
      const init: RequestInit = { method, headers: { ...headers } };
      if (body !== undefined) {
        init.body = JSON.stringify(body);
        init.headers = { ...headers, "content-type": "application/json" };
      }
      const response = await fetch(path, init);
      return { status: response.status, text: await response.text() };
    },
    { method, path, body, headers },
  );
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.text === "" ? (undefined as T) : (JSON.parse(answer.text) as T);
}

/** Mail goes to a server on this machine, and approved mail leaves after `holdMs`. */
export async function useSmtp(page: Page, port: number, holdMs: number): Promise<void> {
  const from = "Signals <signals@example.com>";
  await api(page, "PUT", "/api/settings/channels/email", { kind: "smtp", host: "127.0.0.1", port, security: "none", from });
  const general = await api(page, "GET", "/api/settings/general");
  await api(page, "PUT", "/api/settings/general", { ...general, email_hold_ms: holdMs });
}

/** A published workflow that sends one email to `input.to`; its id. */
export async function mailWorkflow(page: Page, name: string): Promise<string> {
  const document = {
    name,
    steps: [
      { stepSlug: "start", stepType: "trigger", config: { type: "manual" }, nextSteps: { success: "write" } },
      {
        stepSlug: "write",
        stepType: "action",
        config: { type: "email_send", parameters: { to: "{{input.to}}", subject: "{{input.subject}}", body: "Hello {{input.who}}." } },
        nextSteps: { success: "end" },
      },
    ],
  };
  const made = await api(page, "POST", "/api/workflows/import", { document });
  await api(page, "POST", `/api/workflows/${made.workflow.id}/publish`, {});
  return made.workflow.id;
}
