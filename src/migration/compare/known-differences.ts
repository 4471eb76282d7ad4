import type { Finding, Kind } from './compared-item.js';

export interface KnownDifference {
  /** Short and stable: the report and its JSON name the rule by it. */
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly covers: (finding: Finding, context: RuleContext) => boolean;
  readonly reason: string;
}

/** What a rule needs beside the finding. */
export interface RuleContext {
  /** Arrival of the first position of a vehicle at Samserver, epoch milliseconds, by box. */
  readonly firstPositionMs: ReadonlyMap<string, number>;
}

/**
 * Every difference that is intended, with its reason: docs/old-clients-differences.md, docs/shared-database.md. Any other
 * difference is a finding.
 */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: 'first-position',
    kinds: ['position'],
    covers: ({ type, side, box, atMs }, { firstPositionMs }) =>
      type === 'missing' && side === 'old' && firstPositionMs.get(box) === atMs,
    reason: 'The old server writes no history for the first position of a vehicle',
  },
  {
    name: 'picture-metadata',
    kinds: ['picture'],
    covers: ({ type, fields }) =>
      type === 'differs' && Object.keys(fields).every((name) => name === 'hasMetadata'),
    reason: 'Samserver removes place, device, texts and times from a picture; no pixel changes',
  },
  {
    name: 'crash-repeated',
    kinds: ['crash'],
    covers: ({ type, side, lagMs = Infinity }) => type === 'doubled' && side === 'old' && lagMs <= BOUNCE_MS,
    reason: 'A bouncing contact sends several reports; Samserver stores one in a second',
  },
  {
    name: 'crash-without-fix',
    kinds: ['crash'],
    covers: ({ type, side, fields }) =>
      type === 'missing' && side === 'old' && (hasNone(fields['lat']) || hasNone(fields['speedKmh'])),
    reason: 'The old server does not store a crash whose place or speed is no number; Samserver does',
  },
  {
    name: 'extension',
    kinds: ['frame'],
    covers: ({ type, fields }) =>
      type === 'differs' &&
      Object.keys(fields).every((name) => name === 'imagesObj') &&
      withoutExtensions(fields['imagesObj']?.old) === withoutExtensions(fields['imagesObj']?.samserver),
    reason:
      'A picture’s extension comes from its content instead of the text after the first dot of its name',
  },
  {
    name: 'position-without-place',
    kinds: ['frame'],
    covers: ({ type, side, fields }) =>
      type === 'missing' &&
      side === 'samserver' &&
      fields['type']?.old === 'TRACKING' &&
      ['tracking_latitude', 'tracking_longitude'].some((name) => !isNumeric(fields[name]?.old)),
    reason: 'A position without a place is not stored; Samserver does not send it to panels either',
  },
  {
    name: 'title-page',
    kinds: ['get'],
    covers: ({ box, fields }) => /^GET \/(\?…)?$/.test(box) && isOnly(fields, ['body']),
    reason: 'The page has the same title and another text',
  },
  {
    name: 'unknown-path',
    kinds: ['get'],
    covers: ({ fields }) => fields['status']?.old === 404 && isOnly(fields, ['contentType', 'body']),
    reason: 'An unknown path is 404 as before, with a problem+json body instead of a page',
  },
];

/** Samserver stores one crash of a vehicle in this time. */
const BOUNCE_MS = 1_000;

/** The rule that covers a finding; null: it is not known. */
export function knownDifferenceOf(finding: Finding, context: RuleContext): KnownDifference | null {
  return (
    KNOWN_DIFFERENCES.find(({ kinds, covers }) => kinds.includes(finding.kind) && covers(finding, context)) ??
    null
  );
}

/** The status is equal, and of the rest only these differ. */
function isOnly(fields: Finding['fields'], names: readonly string[]): boolean {
  const { status, ...others } = fields;
  return status?.old === status?.samserver && Object.keys(others).every((name) => names.includes(name));
}

function hasNone(values: { readonly samserver?: unknown } | undefined): boolean {
  return values === undefined || values.samserver === null || values.samserver === undefined;
}

function withoutExtensions(images: unknown): string {
  return JSON.stringify(images).replaceAll(/\.[a-z0-9]*"/gi, '"');
}

function isNumeric(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && Number.isFinite(Number(value));
}
