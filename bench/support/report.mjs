/** The report of a run: on the terminal, and as the recorded files of `bench`. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { drawShares } from './chart.mjs';
import { HERE } from './programs.mjs';
import { asMarkdown, asText, cellsOf, differenceCells } from './table.mjs';

const RECORDED = join(HERE, 'bench');
const JSON_FILE = join(RECORDED, 'results.json');

/** Measured on 2026-11-30 with the service of that day. They are quoted: Traccar is no part of this repository. */
const TRACCAR = `| Traccar 6.14, built from source; two cores; HTTP, 50 clients, one position a request | as shipped | made durable, on PostgreSQL | Samserver of that day |
| --- | ---: | ---: | ---: |
| positions/s | 4,690 | 1,850 | 1,425 |
| CPU, ms a position (database included) | 0.20 | 0.74 | 0.69 |
| acknowledged positions lost in five kills (-9), of 10,235 | 6,870 | 0 | 0 |
| 1,000 devices at 1 Hz: CPU, ms a position; p99 ms | 0.31; 34 | 0.86; 22 | 0.88; 1,003 |
| from device to subscriber, p50 ms | 3,061 | 5 | 156 |
| 100,000 positions as JSON; CSV, s | 1.8; 0.79 | 2.4; 0.78 | 2.6; 2.0 |
| idle memory (PSS), MB; start, s | 282; 6.6 | 318; 6.2 | 353; 3.1 |`;

const HOW_TO_READ = `Each figure is the median of the rounds, with the lowest and the highest round in parentheses. Rounds of all programs are
interleaved, so that other load on the machine affects all of them alike. "Share of the floor" divides the program's speed by
that of the floor in the same round; 1 is as fast as the floor. "By CPU" divides the processor time that the floor (service
and database) needs for one position or request by that of the program. CPU is user and system time of the processes from
\`/proc\`. It depends less on other load than rates and latencies do. Compare shares, not rates, between two machines. All
clients, services and databases share the cores named above.`;

export function headOf(machine) {
  return `${machineText(machine).join('\n')}\n\n`;
}

/** @param against name of the other revision; undefined without one */
export function reportOf({ title, tables }, against) {
  const texts = tables.flatMap((table) => [
    `${title}: ${table.title}`,
    asText(cellsOf(table)),
    ...(table.differences.length > 0
      ? [`${title}: this clone compared with ${against}`, asText(differenceCells(table.differences))]
      : []),
  ]);
  return `${texts.join('\n\n')}\n\n`;
}

/**
 * Writes a part into `RESULTS.md`, `results.svg` and `results.json`. The other parts keep their results.
 * @param order names of all parts
 */
export async function record({ machine, part: { tables, ...part }, rounds, seconds }, order) {
  const recorded = existsSync(JSON_FILE) ? JSON.parse(readFileSync(JSON_FILE, 'utf8')).parts : [];
  const measured = {
    ...part,
    measured: `${machine.date}, revision ${machine.revision}; ${rounds} rounds of ${seconds} s; load average at the end ${machine.loadAverage[0]}`,
    tables: tables.map(({ title, metrics, rows }) => ({ title, metrics, rows })),
  };
  const known = [measured, ...recorded.filter(({ name }) => name !== part.name)];
  const all = known.sort((one, other) => order.indexOf(one.name) - order.indexOf(other.name));
  const page = [
    '# Results of `npm run bench`',
    '<!-- Written by `npm run bench -- --record`. -->',
    machineText(machine)
      .map((line) => `- ${line}`)
      .join('\n'),
    '![Share of the floor in each case](results.svg)',
    '## How to read it',
    HOW_TO_READ,
    ...all.flatMap(({ title, text, measured: when, tables }) => [
      `## ${title}`,
      text,
      `Measured ${when}.`,
      ...tables.flatMap((table) => [`### ${title}: ${table.title}`, asMarkdown(cellsOf(table))]),
    ]),
    '## Traccar, measured on 2026-11-30',
    TRACCAR,
  ].join('\n\n');
  const options = await resolveConfig(JSON_FILE);
  const [markdown, json] = await Promise.all([
    format(page, { ...options, parser: 'markdown' }),
    format(JSON.stringify({ machine, parts: all }), { ...options, parser: 'json' }),
  ]);
  await Promise.all([
    writeFile(join(RECORDED, 'RESULTS.md'), markdown),
    writeFile(join(RECORDED, 'results.svg'), drawShares(all)),
    writeFile(JSON_FILE, json),
  ]);
}

function machineText({ date, revision, cpu, cores, memoryGb, system, node, versions, loadAverage }) {
  return [
    `${date}, revision ${revision}`,
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}; load average at the end ${loadAverage.join(', ')}`,
    `Node ${node}; ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
  ];
}
