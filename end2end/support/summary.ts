// Says at the very end why each test failed, in a line or two: the place where a long log is read first.
import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

// Colours and cursor moves of the terminal.
const CONTROL = /\u001b\[[0-9;]*[A-Za-z]/g;
const LINES = 6;

export default class Summary implements Reporter {
  private readonly failures: string[] = [];

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === test.expectedStatus || result.status === "skipped") return;
    for (const error of result.errors) {
      const text = (error.message ?? error.value ?? "").replace(CONTROL, "");
      const lines = text.split("\n").slice(0, LINES).map((line) => `    ${line}`);
      this.failures.push(`  ${test.title}\n${lines.join("\n")}`);
    }
  }

  onEnd(): void {
    if (this.failures.length > 0) console.log(`\nwhy:\n${this.failures.join("\n")}`);
  }

  printsToStdio(): boolean {
    return false;
  }
}
