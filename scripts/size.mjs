#!/usr/bin/env node
// Reports what the first visit downloads and fails above the budget. Usage: scripts/size.mjs [site folder]
import { readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const BUDGET_KB = 350; // wasm + JavaScript of the first route, brotli
const dir = join(process.argv[2] ?? "target/site-release", "pkg");
const kb = (n) => (n / 1024).toFixed(1).padStart(8);
const brotli = (data) =>
  brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;

let counted = 0;
console.log("     raw     gzip   brotli KB");
for (const name of readdirSync(dir).sort()) {
  const ext = extname(name);
  if (![".wasm", ".js", ".css"].includes(ext)) continue;
  const data = readFileSync(join(dir, name));
  const br = brotli(data);
  if (ext !== ".css") counted += br;
  console.log(`${kb(data.length)} ${kb(gzipSync(data, { level: 9 }).length)} ${kb(br)} ${name}`);
}
const verdict = counted <= BUDGET_KB * 1024 ? "within" : "OVER";
console.log(`wasm + JS: ${(counted / 1024).toFixed(1)} KB brotli, ${verdict} the budget of ${BUDGET_KB} KB`);
process.exitCode = verdict === "within" ? 0 : 1;
