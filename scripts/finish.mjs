#!/usr/bin/env node
// Finishes a release front end: names by content, then compression. Usage: scripts/finish.mjs <site folder>
// cargo-leptos names the application's JavaScript and wasm and the parts' loader by what is in them before they
// are made to name each other. When only a part has changed, the first two would keep their names and yet name
// another loader, and browsers, told that a name's content never changes, would go on with the old ones. So the
// three are named by everything that is in the build.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const site = process.argv[2];
const pkg = join(site, "pkg");
const names = readdirSync(pkg).filter((name) => /\.(js|wasm|css|json)$/.test(name)).sort();

const all = createHash("sha256");
for (const name of names) all.update(name).update(readFileSync(join(pkg, name)));
const hash = all.digest("base64url").slice(0, 22); // as long as the hashes of cargo-leptos

const renamed = new Map();
for (const name of names) {
  const found = name.match(/^(signalbox|__wasm_split)\.([\w-]{22})\.(js|wasm)$/);
  if (found) renamed.set(name, `${found[1]}.${hash}.${found[3]}`);
}
for (const name of names) {
  if (name.endsWith(".css")) continue;
  const path = join(pkg, name);
  // Latin-1 keeps every byte, and a new name is as long as the old one.
  let text = readFileSync(path, "latin1");
  for (const [before, after] of renamed) text = text.replaceAll(before, after);
  writeFileSync(path, text, "latin1");
}
for (const [before, after] of renamed) renameSync(join(pkg, before), join(pkg, after));

for (const entry of readdirSync(site, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(js|wasm|css|svg|json|txt|webmanifest)$/.test(entry.name)) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const data = readFileSync(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length };
  writeFileSync(`${path}.br`, brotliCompressSync(data, { params }));
  writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }));
}
