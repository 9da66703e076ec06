#!/usr/bin/env node
// Reports what each page downloads at a first visit and fails above the budget. Usage: scripts/size.mjs [site folder]
// A page needs the application (its JavaScript, the parts' loader, the first wasm) and the wasm files of its parts
// (app/src/routes.rs, parts_of). The browser fetches the other parts later, when it is idle; they are not counted.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const BUDGET_KB = 350; // wasm + JavaScript of the first page, brotli
const FIRST = [
  ["Sign-in", ["entry"]],
  ["Inbox", ["inbox"]],
  ["Workflows", ["workflows"]],
];
const LATER = [
  ["Inbox, an item", ["inbox", "office"]],
  ["Runs, contacts …", ["office"]],
  ["Editor, a run", ["canvas"]],
];

const dir = join(process.argv[2] ?? "target/site-release", "pkg");
const names = readdirSync(dir);
const brotli = (data) =>
  brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const measured = new Map();
const measure = (name) => {
  if (!measured.has(name)) {
    const data = readFileSync(join(dir, name));
    measured.set(name, { raw: data.length, brotli: brotli(data) });
  }
  return measured.get(name);
};
const manifestName = names.find((name) => /^__wasm_split_manifest\..*json$/.test(name));
if (!manifestName) throw new Error(`${dir} is not a release build; run scripts/build release`);
const manifest = JSON.parse(readFileSync(join(dir, manifestName)));
const application = names.filter((name) => name.endsWith(".js") || /^signalbox\.[^.]+\.wasm$/.test(name));

const kb = (bytes) => (bytes / 1024).toFixed(1).padStart(8);
const filesOf = (parts) => new Set([
  ...application,
  ...parts.flatMap((part) => manifest[part].map((file) => `${file}.wasm`)),
]);
const row = ([label, parts]) => {
  const files = [...filesOf(parts)].map(measure);
  const sum = (field) => files.reduce((total, file) => total + file[field], 0);
  console.log(`${kb(sum("raw"))} ${kb(sum("brotli"))} ${String(files.length).padStart(6)} ${label}`);
  return sum("brotli");
};

console.log("     raw   brotli  files");
const largest = Math.max(...FIRST.map(row));
LATER.forEach(row);
console.log("\nThe application:");
for (const name of application) console.log(`${kb(measure(name).raw)} ${kb(measure(name).brotli)}        ${name}`);
const verdict = largest <= BUDGET_KB * 1024 ? "within" : "OVER";
console.log(`\nfirst visit, the largest: ${(largest / 1024).toFixed(1)} KB brotli, ${verdict} the budget of ${BUDGET_KB} KB`);
process.exitCode = verdict === "within" ? 0 : 1;
