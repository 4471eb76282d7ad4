import type { Recording } from './recording.js';

export interface Difference {
  readonly key: string;
  /** null: absent. */
  readonly old: string | null;
  readonly here: string | null;
}

export interface KnownDifference {
  readonly where: RegExp;
  /** Whether the rule covers these two values. */
  readonly is?: (difference: Difference) => boolean;
  readonly reason: string;
}

export interface DifferenceRow {
  /** The key without the parts that identify a single item. */
  readonly where: string;
  readonly count: number;
  readonly example: Difference;
  readonly reason: string | null;
}

/** Compares key by key, including keys of one side only. */
export function differencesOf(old: Recording, here: Recording): Difference[] {
  return [...new Set([...old.keys(), ...here.keys()])].flatMap((key) => {
    const difference = { key, old: old.get(key) ?? null, here: here.get(key) ?? null };
    return difference.old === difference.here ? [] : [difference];
  });
}

/** Groups differences of one kind and one reason into a row. */
export function groupDifferences(
  differences: readonly Difference[],
  known: readonly KnownDifference[],
): DifferenceRow[] {
  const rows = new Map<string, DifferenceRow>();
  for (const example of differences) {
    const where = example.key.replaceAll(/\/(-?\d+|heading [\d.]+|speed [\d.]+|[0-9a-f]{12})(?=\/|$)/g, '/*');
    const reason = known.find((each) => matchesKnownDifference(each, example))?.reason ?? null;
    const key = `${where}|${reason}`;
    const row = rows.get(key);
    rows.set(key, { where, example, reason, ...row, count: (row?.count ?? 0) + 1 });
  }
  return [...rows.values()].sort((one, other) => (one.where < other.where ? -1 : 1));
}

export function matchesKnownDifference({ where, is }: KnownDifference, difference: Difference): boolean {
  return where.test(difference.key) && (is?.(difference) ?? true);
}

/** The rows as a Markdown table. */
export function printTable(rows: readonly DifferenceRow[]): string {
  const cell = (value: string | null): string =>
    value === null ? '–' : `\`${value.slice(0, 60).replaceAll('|', '\\|').replaceAll('\n', ' ')}\``;
  return [
    '| where | count | old | here | reason |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ where, count, example, reason }) =>
        `| ${where} | ${count} | ${cell(example.old)} | ${cell(example.here)} | ${reason ?? '**not explained**'} |`,
    ),
  ].join('\n');
}
