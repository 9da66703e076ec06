// What the specs of the main job share: mail that goes to a real server, workflows that send.
import type { Server } from "./server";

/** Mail goes to a server on this machine, and approved mail leaves after `holdMs`. */
export async function useSmtp(server: Server, port: number, holdMs: number): Promise<void> {
  const from = "Signals <signals@example.com>";
  await server.api("PUT", "/api/settings/channels/email", { kind: "smtp", host: "127.0.0.1", port, security: "none", from });
  const general = await server.api<object>("GET", "/api/settings/general");
  await server.api("PUT", "/api/settings/general", { ...general, email_hold_ms: holdMs });
}

/** A published workflow that sends one email to `input.to`; its id. */
export async function mailWorkflow(server: Server, name: string): Promise<string> {
  const email = { to: "{{input.to}}", subject: "{{input.subject}}", body: "Hello {{input.who}}." };
  const steps = [
    { stepSlug: "start", stepType: "trigger", config: { type: "manual" }, nextSteps: { success: "write" } },
    { stepSlug: "write", stepType: "action", config: { type: "email_send", parameters: email }, nextSteps: { success: "end" } },
  ];
  const made = await server.api<{ workflow: { id: string } }>("POST", "/api/workflows/import", { document: { name, steps } });
  await server.api("POST", `/api/workflows/${made.workflow.id}/publish`, {});
  return made.workflow.id;
}
