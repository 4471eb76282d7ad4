/** The results of a part: samples of several subjects in several cases, one of each round, and their presentation. */
import { compare, median, spreadOf } from './statistics.mjs';

export const FLOOR = 'floor';
export const SAMSERVER = 'Samserver';

export class Table {
  samples = [];

  /**
   * @param definition `title`; `metrics`: `{name, title, digits, better?: 'higher' | 'lower'}`; `main`: name of the metric
   *   that is divided by that of the floor; `cost`: name of a value whose share of the floor is shown too, less is better;
   *   `aims`: smallest share of the floor by case
   */
  constructor({ title, metrics, main = null, cost = null, aims = {} }) {
    this.title = title;
    this.metrics = metrics;
    this.main = main && metrics.find(({ name }) => name === main);
    this.cost = cost && { name: cost, better: 'lower' };
    this.aims = aims;
  }

  /** @param values by the names of the metrics; a missing one is not shown */
  add(caseName, subject, values) {
    this.samples.push({ case: caseName, subject, values });
  }

  /** @param before name of the other revision; null without one */
  results(before) {
    const { title, metrics, samples } = this;
    const differences = before ? this.#differences(before, SAMSERVER) : [];
    return { title, metrics, rows: this.#rows(), differences, samples };
  }

  /** @returns for each case and subject: the spread of each metric, and of the share of the floor's speed */
  #rows() {
    return this.#cases().flatMap((caseName) =>
      this.#subjects(caseName).map((subject) => ({
        case: caseName,
        subject,
        spreads: Object.fromEntries(
          this.metrics.flatMap((metric) => {
            const values = this.values(caseName, subject, metric.name);
            return values.length === 0 ? [] : [[metric.name, spreadOf(values)]];
          }),
        ),
        share: this.#shareOfFloor(caseName, subject, this.main),
        costShare: this.#shareOfFloor(caseName, subject, this.cost),
        aim: subject === SAMSERVER ? (this.aims[caseName] ?? null) : null,
      })),
    );
  }

  values(caseName, subject, metric) {
    return this.#valuesOfRounds(caseName, subject, metric).filter(Number.isFinite);
  }

  #valuesOfRounds(caseName, subject, metric) {
    return this.samples
      .filter((sample) => sample.case === caseName && sample.subject === subject)
      .map(({ values }) => values[metric]);
  }

  median(caseName, subject, metric) {
    return median(this.values(caseName, subject, metric));
  }

  /** @returns for each case and metric with a better direction: what changed from `before` to `after` */
  #differences(before, after) {
    return this.#cases().flatMap((caseName) =>
      this.metrics
        .filter(({ better }) => better)
        .flatMap(({ name, title, better }) => {
          const pairs = this.#pairs(caseName, before, after, name);
          if (pairs.length === 0) return [];
          const found = compare(pairs);
          const isSame = found.verdict === 'no difference';
          const verdict = isSame ? found.verdict : found.verdict === better ? 'better' : 'WORSE';
          return [{ case: caseName, metric: title, ...found, verdict }];
        }),
    );
  }

  #shareOfFloor(caseName, subject, metric) {
    if (!metric || subject === FLOOR) return null;
    const pairs = this.#pairs(caseName, FLOOR, subject, metric.name);
    if (pairs.length === 0) return null;
    return spreadOf(
      pairs.map(([floor, value]) => (metric.better === 'higher' ? value / floor : floor / value)),
    );
  }

  /** Values of the same round. */
  #pairs(caseName, one, other, metric) {
    const others = this.#valuesOfRounds(caseName, other, metric);
    return this.#valuesOfRounds(caseName, one, metric)
      .map((value, n) => [value, others[n]])
      .filter(([a, b]) => a > 0 && b > 0);
  }

  #cases() {
    return [...new Set(this.samples.map((sample) => sample.case))];
  }

  #subjects(caseName) {
    return [
      ...new Set(this.samples.filter((sample) => sample.case === caseName).map(({ subject }) => subject)),
    ];
  }
}

/** @param table `metrics` and `rows`, as in the JSON of a table @returns rows of cells, the head first, as text */
export function cellsOf({ metrics: all, rows }) {
  const metrics = all.filter(({ name }) => rows.some(({ spreads }) => spreads[name]));
  const hasShare = rows.some(({ share }) => share);
  const hasCostShare = rows.some(({ costShare }) => costShare);
  const head = [
    '',
    'program',
    ...metrics.map(({ title }) => title),
    ...(hasCostShare ? ['share of the floor by CPU'] : []),
    ...(hasShare ? ['share of the floor'] : []),
  ];
  const body = rows.map((row, n) => [
    rows[n - 1]?.case === row.case ? '' : row.case,
    row.subject,
    ...metrics.map(({ name, digits }) => (row.spreads[name] ? spreadText(row.spreads[name], digits) : '')),
    ...(hasCostShare ? [row.costShare ? spreadText(row.costShare, 2) : ''] : []),
    ...(hasShare ? [shareText(row)] : []),
  ]);
  return [head, ...body];
}

export function differenceCells(differences) {
  const head = ['', 'figure', 'change', 'p', 'verdict'];
  const body = differences.map(({ case: name, metric, change, p, verdict }) => [
    name,
    metric,
    `${change >= 0 ? '+' : ''}${(change * 100).toFixed(1)} %`,
    p.toFixed(3),
    verdict,
  ]);
  return [head, ...body];
}

export function asText(cells) {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells
    .map((row) =>
      row.map((cell, n) => (n < 2 ? cell.padEnd(widths[n]) : cell.padStart(widths[n]))).join('  '),
    )
    .join('\n');
}

export function asMarkdown(cells) {
  const [head, ...body] = cells.map((row) => `| ${row.join(' | ')} |`);
  const rule = `| ${cells[0].map((_, n) => (n < 2 ? '---' : '---:')).join(' | ')} |`;
  return [head, rule, ...body].join('\n');
}

function spreadText({ median: middle, low, high }, digits = 0) {
  const text = (value) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return text(low) === text(high) ? text(middle) : `${text(middle)} (${text(low)}–${text(high)})`;
}

function shareText({ share, aim }) {
  if (!share) return '';
  const aimText = aim === null ? '' : `, aim ${aim}: ${share.median >= aim ? 'met' : 'missed'}`;
  return `${spreadText(share, 2)}${aimText}`;
}
