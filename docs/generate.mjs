/** Writes the generated documentation from the compiled tables: `npm run docs`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { GENERATED_FILES } from '../dist/tools/docs/index.js';

for (const [name, render] of Object.entries(GENERATED_FILES)) {
  const path = resolve(import.meta.dirname, '..', name);
  const current = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const content = render(current);
  if (content !== current) writeFileSync(path, content);
  console.log(`${content === current ? 'unchanged' : 'written'}  ${name}`);
}
