// Starts the real server binary on a free port with a data folder of its own, and stops it again.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(__dirname, "../..");
const START_LIMIT_MS = 20_000;

/** Who owns the server of every test. */
export const OWNER = { name: "Ada Owner", email: "ada@example.com", password: "correct horse battery" };

/** The binary under test: SIGNALBOX_BINARY, or what scripts/build debug left for us. */
function binary(): string {
  const path = process.env.SIGNALBOX_BINARY ?? join(root, "target/e2e/signalbox");
  if (!existsSync(path)) throw new Error(`${path} is missing; run scripts/build debug`);
  return path;
}

export class Server {
  private cookie?: { name: string; value: string };

  private constructor(
    /** Such as http://127.0.0.1:40123 */
    readonly url: string,
    /** The folder with the database and the keys. */
    readonly data: string,
    private readonly child: ChildProcess,
    private readonly output: string[],
  ) {}

  /** Starts a server; `data` is kept between two servers when it is given. */
  static async start(options: { data?: string; env?: Record<string, string> } = {}): Promise<Server> {
    const data = options.data ?? mkdtempSync(join(tmpdir(), "signalbox-e2e-"));
    const output: string[] = [];
    const child = spawn(binary(), ["serve", "--addr", "127.0.0.1:0", "--data", data], {
      cwd: data,
      env: { LEPTOS_SITE_ROOT: join(root, "target/site"), ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const url = await new Promise<string>((settle, reject) => {
      const fail = (why: string) => reject(new Error(`${why}\n${output.join("")}`));
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        fail(`the server did not say where it serves within ${START_LIMIT_MS} ms`);
      }, START_LIMIT_MS);
      const read = (chunk: Buffer) => {
        output.push(chunk.toString());
        const found = output.join("").match(/http:\/\/127\.0\.0\.1:\d+/);
        if (!found) return;
        clearTimeout(timer);
        settle(found[0]);
      };
      child.stdout?.on("data", read);
      child.stderr?.on("data", read);
      child.once("exit", (code) => fail(`the server ended with ${code}`));
    });
    return new Server(url, data, child, output);
  }

  /** The owner's session cookie; sets the owner up on the first call. */
  async session(): Promise<{ name: string; value: string }> {
    if (!this.cookie) {
      const response = await fetch(`${this.url}/api/setup`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ organization: "North Line", timezone: "Europe/Berlin", ...OWNER }),
      });
      const [pair] = (response.headers.get("set-cookie") ?? "").split(";");
      const at = pair.indexOf("=");
      if (!response.ok || at < 0) throw new Error(`set-up: ${response.status} ${await response.text()}`);
      this.cookie = { name: pair.slice(0, at), value: pair.slice(at + 1) };
    }
    return this.cookie;
  }

  /** Calls the API as the owner; fails on an error status. */
  async api<T = unknown>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const { name, value } = await this.session();
    const response = await fetch(this.url + path, {
      method,
      headers: { cookie: `${name}=${value}`, origin: this.url, "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** What the server has printed so far. */
  log(): string {
    return this.output.join("");
  }

  /** Stops it. `SIGKILL` for a crash. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill(signal);
    await ended;
  }

  /** Stops it and deletes its data. */
  async remove(): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.data, { recursive: true, force: true });
  }
}
