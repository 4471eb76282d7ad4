/**
 * Measures Samserver, compared with the smallest program that gives the same result (the floor), and with others:
 *
 *   npm run bench                              the parts that take a few minutes together
 *   npm run bench -- ingest reads              some parts; `npm run bench -- --help` lists all
 *   npm run bench -- ingest --against main     compared with another git revision
 *   npm run bench -- --json                    as JSON
 *   npm run bench -- --record                  also writes bench/RESULTS.md, results.json and results.svg
 *
 * All programs run on 127.0.0.1, with temporary directories, and end with the bench. Rounds of all programs are interleaved.
 */
import { parseArgs } from 'node:util';
import { describeMachine } from './support/machine.mjs';
import { Programs, HERE } from './support/programs.mjs';
import { headOf, record, reportOf } from './support/report.mjs';
import { buildRevision } from './support/revision.mjs';
import { SAMSERVER } from './support/table.mjs';

/** The first ones run without a name. */
const USUAL = ['ingest', 'fan-out', 'reads', 'history', 'nearest', 'start', 'scale'];
const OTHERS = ['fleet', 'instances', 'reconnects', 'images', 'boxes', 'side-by-side', 'toolkit', 'metrics'];
const PARTS = [...USUAL, ...OTHERS];
/** Fewer pairs cannot show a difference: `compare` in statistics.mjs. */
const ROUNDS_TO_COMPARE = 8;
const ROUNDS_TO_RECORD = 5;
const ROUNDS = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string' },
    against: { type: 'string' },
    json: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    // Of single parts.
    'closed-only': { type: 'boolean', default: false },
    positions: { type: 'string' },
    count: { type: 'string' },
    within: { type: 'string' },
    files: { type: 'string' },
    records: { type: 'string' },
  },
});

const wanted = positionals.length > 0 ? positionals : USUAL;
const unknown = wanted.filter((name) => !PARTS.includes(name));
if (values.help || unknown.length > 0) {
  const text = [
    ...unknown.map((name) => `There is no part "${name}".`),
    'npm run bench -- [part…] [--seconds 3] [--rounds 3] [--against <git revision>] [--json] [--record]',
    `Parts: ${USUAL.join(', ')}; only by name: ${OTHERS.join(', ')}`,
  ].join('\n');
  process.stderr.write(`${text}\n`);
  process.exit(values.help ? 0 : 64);
}

process.on('SIGTERM', () => process.exit(1));
process.on('SIGINT', () => process.exit(130));
const progress = (line) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);

if (values.against) progress(`building ${values.against}`);
const other = values.against ? buildRevision(values.against) : null;
const revisions = [{ name: SAMSERVER, root: HERE }, ...(other ? [other] : [])];
const usualRounds = other ? ROUNDS_TO_COMPARE : values.record ? ROUNDS_TO_RECORD : ROUNDS;
const rounds = Number(values.rounds ?? usualRounds);
const seconds = Number(values.seconds);
const parts = [];
if (!values.json) process.stdout.write(headOf(describeMachine()));
for (const name of wanted) {
  const { about, run } = await import(`./parts/${name}.mjs`);
  const programs = new Programs();
  const tables = await run({ programs, revisions, seconds, rounds, values, progress });
  await programs.end();
  progress('');
  const part = { name, ...about, tables: tables.map((table) => table.results(other?.name)) };
  parts.push(part);
  // After each part, so that a failure of a later one loses nothing.
  if (!values.json) process.stdout.write(reportOf(part, other?.name));
  if (values.record) await record({ machine: describeMachine(), rounds, seconds, part }, PARTS);
}
const results = { machine: describeMachine(), rounds, seconds, against: other?.name, parts };
if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
process.exit();
