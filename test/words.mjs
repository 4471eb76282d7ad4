/**
 * Fails when a text of the project uses a word that the language rules forbid: `npm run words`.
 * It names file, line and word, and ends with exit code 1.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const PLACES = ['src', 'test', 'docs', 'docker', 'bench', 'README.md', 'CONTRIBUTING.md', '.env.example'];
const IGNORED = new Set([
  // Contains the forbidden words itself.
  'test/words.mjs',
  // Recorded traffic of the old server, and a copy of its code.
  'test/old-conversation/conversation.jsonl',
  'test/old-server',
  // Installed packages.
  'test/stack/api-tools/node_modules',
  'test/stack/old-boxes/node_modules',
  'test/stack/pm2/node_modules',
]);
const BINARY = new Set(['.jpg', '.jpeg', '.png', '.webp', '.heic', '.avif', '.gz', '.pem', '.crt', '.key']);

/** The gap of "let go" may contain a line break and the beginning of the next comment line. */
const GAP = String.raw`\s+(?:(?:\*|//|#)\s*)?`;
const FORBIDDEN = new RegExp(
  String.raw`\b(?:somebody|nobody|whoever|everybody|let(?:s|ting)?${GAP}go)\b`,
  'gi',
);

function filesBelow(path) {
  if (IGNORED.has(path)) return [];
  if (!statSync(join(root, path)).isDirectory()) return BINARY.has(extname(path)) ? [] : [path];
  return readdirSync(join(root, path)).flatMap((name) => filesBelow(`${path}/${name}`));
}

let found = 0;
for (const path of PLACES.flatMap(filesBelow)) {
  const text = readFileSync(join(root, path), 'utf8');
  for (const { 0: word, index } of text.matchAll(FORBIDDEN)) {
    const line = text.slice(0, index).split('\n').length;
    console.error(`${path}:${line}: "${word.replace(/\s+/g, ' ')}"`);
    found += 1;
  }
}
if (found > 0) {
  console.error(
    `${found} forbidden words. Use a concrete subject: the client, the operator, the caller, the instance.`,
  );
  process.exit(1);
}
