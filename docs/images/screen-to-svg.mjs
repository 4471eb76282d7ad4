/**
 * Writes captured terminal screens, one above the other, as an SVG of text. The colours follow the light or dark theme of
 * the reader.
 *
 *   tmux capture-pane -pt <pane> > watch.txt
 *   node docs/images/screen-to-svg.mjs 'npm run watch' watch.txt 'npm run replay' replay.txt > docs/images/watch.svg
 */
import { readFileSync } from 'node:fs';

const LINE = 17;
const CHARACTER = 7.83;
const PADDING = 14;
const BAR = 26;
const GAP = 12;

const [, , ...words] = process.argv;
const panes = [];
for (let index = 0; index < words.length; index += 2) {
  const lines = readFileSync(words[index + 1], 'utf8')
    .trimEnd()
    .split('\n');
  panes.push({ title: words[index], lines });
}

const escape = (text) => text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]);
const columns = Math.max(...panes.flatMap(({ lines }) => lines.map((line) => [...line].length)));
const width = Math.ceil(columns * CHARACTER + 2 * PADDING);
let top = 1;
const parts = panes.map(({ title, lines }) => {
  const height = BAR + lines.length * LINE + PADDING;
  const text = lines.map((line, index) => {
    const y = top + BAR + (index + 1) * LINE;
    // A fixed length keeps columns aligned in every font.
    const length = ([...line].length * CHARACTER).toFixed(1);
    return line === '' ? '' : `<text x="${PADDING}" y="${y}" textLength="${length}">${escape(line)}</text>`;
  });
  const part = `<rect x="1" y="${top}" width="${width - 2}" height="${height}" rx="8" class="pane"/>
<text x="${PADDING}" y="${top + 18}" class="title">$ ${escape(title)}</text>
${text.filter(Boolean).join('\n')}`;
  top += height + GAP;
  return part;
});

const height = top - GAP + 1;
process.stdout
  .write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" xml:space="preserve" role="img" aria-label="${escape(panes.map(({ title }) => title).join(', '))}">
<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; fill: #1f2328 }
.title { font-weight: bold; fill: #59636e }
.pane { fill: #f6f8fa; stroke: #d1d9e0 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .title { fill: #9198a1 } .pane { fill: #151b23; stroke: #3d444d } }
</style>
${parts.join('\n')}
</svg>
`);
