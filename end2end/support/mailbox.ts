// A real SMTP server that keeps what it accepted, byte by byte.
import { createHash } from "node:crypto";
import { SMTPServer } from "smtp-server";
import PostalMime from "postal-mime";

export type Mail = { to: string[]; subject: string; text: string; raw: Buffer };

export class Mailbox {
  readonly mails: Mail[] = [];
  private waiting: (() => void)[] = [];

  private constructor(private readonly server: SMTPServer, readonly port: number) {}

  static async start(): Promise<Mailbox> {
    let mailbox: Mailbox;
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS", "AUTH"],
      logger: false,
      onData(stream, session, done) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          const raw = Buffer.concat(chunks);
          const to = session.envelope.rcptTo.map((address) => address.address);
          mailbox.keep(raw, to).then(() => done(), done);
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    mailbox = new Mailbox(server, address.port);
    return mailbox;
  }

  private async keep(raw: Buffer, to: string[]): Promise<void> {
    const parsed = await PostalMime.parse(raw);
    this.mails.push({ to, subject: parsed.subject ?? "", text: parsed.text ?? "", raw });
    this.waiting.splice(0).forEach((wake) => wake());
  }

  /** The first mail that fits; waits for it. */
  async received(fits: (mail: Mail) => boolean, timeoutMs = 20_000): Promise<Mail> {
    const limit = Date.now() + timeoutMs;
    for (;;) {
      const found = this.mails.find(fits);
      if (found) return found;
      if (Date.now() > limit) throw new Error(`no such mail; there are: ${this.mails.map((m) => m.subject).join(", ")}`);
      await Promise.race([
        new Promise<void>((resolve) => this.waiting.push(resolve)),
        new Promise((resolve) => setTimeout(resolve, limit - Date.now())),
      ]);
    }
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

export const sha256 = (data: Buffer | string) => createHash("sha256").update(data).digest("hex");
