import { LatencyHistogram } from '../../tools/replay/index.js';
import type { Finding, FindingType, Kind, Side } from './compared-item.js';
import { type KnownDifference, knownDifferenceOf, type RuleContext } from './known-differences.js';

/** Findings that the report shows one by one; the counts cover all. */
const MAX_FINDINGS = 500;
const MAX_EXAMPLES_OF_RULE = 3;
/** Values are text from outside: a box can send a field of any length. */
const MAX_FIELDS = 30;
const MAX_TEXT = 300;

export interface KnownCount {
  readonly name: string;
  readonly reason: string;
  count: number;
  readonly examples: Finding[];
}

export interface FindingCount {
  readonly kind: Kind;
  readonly type: FindingType;
  readonly side: Side;
  count: number;
}

/** Collects the differences of all kinds: known ones by rule, the others as findings. Its size does not grow with the run. */
export class FindingsLog {
  readonly findings: Finding[] = [];
  readonly counts = new Map<string, FindingCount>();
  readonly known = new Map<string, KnownCount>();
  /** Pairs that both servers have, by kind. */
  readonly matched = new Map<Kind, number>();
  /** Absolute difference of the two arrivals, by kind. */
  readonly lags = new Map<Kind, LatencyHistogram>();

  constructor(
    private readonly context: RuleContext,
    /** Differences at the edges of the range are left out, because the counterpart can be outside. */
    private readonly isInRange: (atMs: number) => boolean,
  ) {}

  get total(): number {
    return [...this.counts.values()].reduce((sum, { count }) => sum + count, 0);
  }

  match(kind: Kind, lagMs: number): void {
    this.matched.set(kind, (this.matched.get(kind) ?? 0) + 1);
    const lags = this.lags.get(kind) ?? new LatencyHistogram();
    this.lags.set(kind, lags);
    lags.add(Math.abs(lagMs));
  }

  add(finding: Finding): void {
    if (!this.isInRange(finding.atMs)) return;
    const rule = knownDifferenceOf(finding, this.context);
    if (rule) return this.addKnown(rule, finding);
    const { kind, type, side } = finding;
    const count = this.counts.get(`${kind} ${type} ${side}`) ?? { kind, type, side, count: 0 };
    count.count += 1;
    this.counts.set(`${kind} ${type} ${side}`, count);
    if (this.findings.length < MAX_FINDINGS) this.findings.push(bounded(finding));
  }

  /** Adds what another log has collected. */
  include(other: FindingsLog): void {
    for (const [kind, count] of other.matched) this.matched.set(kind, (this.matched.get(kind) ?? 0) + count);
    for (const [kind, lags] of other.lags) this.lags.set(kind, lags);
    for (const [key, count] of other.counts) this.counts.set(key, count);
    for (const [name, known] of other.known) this.known.set(name, known);
    this.findings.push(...other.findings.slice(0, Math.max(0, MAX_FINDINGS - this.findings.length)));
  }

  private addKnown({ name, reason }: KnownDifference, finding: Finding): void {
    const known = this.known.get(name) ?? { name, reason, count: 0, examples: [] };
    known.count += 1;
    if (known.examples.length < MAX_EXAMPLES_OF_RULE) known.examples.push(bounded(finding));
    this.known.set(name, known);
  }
}

function bounded(finding: Finding): Finding {
  const fields = Object.entries(finding.fields)
    .slice(0, MAX_FIELDS)
    .map(([name, values]) => [
      name.slice(0, MAX_TEXT),
      Object.fromEntries(Object.entries(values).map(([side, value]) => [side, short(value)])),
    ]);
  return {
    ...finding,
    box: finding.box.slice(0, MAX_TEXT),
    fields: Object.fromEntries(fields) as Finding['fields'],
  };
}

function short(value: unknown): unknown {
  const text = JSON.stringify(value) ?? '';
  return text.length <= MAX_TEXT ? value : `${text.slice(0, MAX_TEXT)}…`;
}
