import { UsageError } from '../../core/commands/index.js';
import type { StreamKind } from './ledger.js';
import type { LoadOptions } from './load-options.js';

/** Of all streams of a run together: a byte each in the ledger. */
export const MAX_ENTRIES = 20_000_000;
export const DEVICE_EVERY_MS = 1_000;

/** What a run will do. Pure: no clock, no network. */
export interface LoadPlan {
  readonly boxesUrl: string;
  readonly panelsUrl: string;
  readonly url: string;
  readonly socketUrl: string;
  readonly boxCodes: readonly string[];
  /** Milliseconds between two posts of one box; null: none of this kind. */
  readonly everyMs: Readonly<Record<'position' | 'pictures' | 'crash', number | null>>;
  readonly devices: number;
  readonly panels: number;
  readonly watchers: number;
  readonly durationMs: number;
  readonly postsPerS: number;
  /** Ledger entries of the whole run. */
  readonly entries: Readonly<Record<StreamKind, number>>;
  readonly needsLogin: boolean;
}

/** @throws UsageError that names the option and its limit */
export function planLoad(options: LoadOptions, hasOldDatabase: boolean): LoadPlan {
  const { boxes, devices, duration, stores } = options;
  const everyMs = {
    position: options.positionEvery * 1_000,
    pictures: options.picturesEvery === 0 ? null : options.picturesEvery * 1_000,
    crash: options.crashEvery === 0 ? null : options.crashEvery * 1_000,
  };
  const perS = (ms: number | null): number => (ms === null ? 0 : 1_000 / ms);
  const ofBox = perS(everyMs.position) + perS(everyMs.pictures) + perS(everyMs.crash);
  const postsPerS = boxes * ofBox + devices * perS(DEVICE_EVERY_MS);
  if (boxes + devices === 0) throw new UsageError('nothing to send: give --boxes or --devices');
  if (postsPerS > options.maxRate)
    throw new UsageError(
      `the plan has ${postsPerS.toFixed(1)} posts a second, more than --max-rate ${options.maxRate}`,
    );
  const total = (clients: number, ms: number | null): number =>
    ms === null ? 0 : clients * Math.ceil((duration * 1_000) / ms);
  const entries = {
    position: total(boxes, everyMs.position),
    picture: 2 * total(boxes, everyMs.pictures),
    crash: total(boxes, everyMs.crash),
    'device position': total(devices, DEVICE_EVERY_MS),
  };
  const sum = Object.values(entries).reduce((all, each) => all + each, 0);
  if (sum > MAX_ENTRIES)
    throw new UsageError(`the plan has ${sum} entries, more than ${MAX_ENTRIES}: shorten --duration`);
  if (stores.includes('old')) {
    if (!hasOldDatabase) throw new UsageError('--stores old needs --old-database or OLD_DATABASE_URL');
    if (everyMs.pictures !== null && boxes > 0 && options.oldPictures === undefined)
      throw new UsageError('--stores old needs --old-pictures, or --pictures-every 0');
  }
  return {
    url: options.url,
    socketUrl: options.socketUrl,
    boxesUrl: options.boxesUrl ?? options.url,
    panelsUrl: options.panelsUrl ?? options.socketUrl,
    boxCodes: Array.from({ length: boxes }, (_, index) => String(options.firstBox + index)),
    everyMs,
    devices,
    panels: options.panels,
    watchers: options.watchers,
    durationMs: duration * 1_000,
    postsPerS,
    entries,
    needsLogin: devices > 0 || options.watchers > 0 || stores.includes('samserver'),
  };
}

export function planLines(plan: LoadPlan): string[] {
  const { boxCodes, everyMs, devices, panels, watchers, durationMs, postsPerS } = plan;
  const every = (name: string, ms: number | null): string =>
    ms === null ? '' : `, ${name} every ${ms / 1_000} s`;
  const boxes =
    boxCodes.length === 0
      ? 'no boxes'
      : `${boxCodes.length} boxes (${boxCodes[0]}…${boxCodes.at(-1)}) to ${plan.boxesUrl}` +
        every('a position', everyMs.position) +
        every('2 pictures', everyMs.pictures) +
        every('a crash', everyMs.crash);
  return [
    boxes,
    `${devices} devices and ${watchers} watchers at ${plan.socketUrl}, ${panels} panels at ${plan.panelsUrl}`,
    `${postsPerS.toFixed(1)} posts a second for ${durationMs / 1_000} s`,
  ];
}
