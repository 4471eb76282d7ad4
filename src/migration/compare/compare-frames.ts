import { setTimeout as sleep } from 'node:timers/promises';
import { OldPanelClient, type PanelFrame } from '../../tools/client/index.js';
import type { ComparedItem, Side } from './compared-item.js';
import type { FindingsLog } from './findings-log.js';
import { WindowMatcher } from './window-matcher.js';

const ROOMS = ['tracking', 'snap', 'crash'];
const CONNECT_MS = 10_000;
const SETTLE_EVERY_MS = 1_000;
/** Boxes of one run of the comparison; frames are text from outside. */
const MAX_BOXES = 10_000;

export interface FramesToCompare {
  /** Where the test panel of each side connects. */
  readonly urls: Readonly<Record<Side, string>>;
  readonly lagMs: number;
  /** Of the range that counts. The panels are there for a lag window longer on both ends. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
}

/** Compares the frames that one test panel on each server receives at the same time. */
export class FrameComparison {
  private readonly matchers = new Map<string, WindowMatcher>();
  /** Findings outside are at the edges: one panel was not there yet, or the frame of one side was still under way. */
  private range = { fromMs: -Infinity, toMs: Infinity };

  constructor(
    private readonly options: FramesToCompare,
    private readonly log: FindingsLog,
  ) {}

  /** @throws UnreachableError when one of the panels cannot connect */
  async run(): Promise<void> {
    const { urls, durationMs, signal, lagMs } = this.options;
    const panels = (['old', 'samserver'] as const).map(
      (side) => new OldPanelClient(urls[side], ROOMS, (frame) => this.add(side, frame, Date.now())),
    );
    try {
      await Promise.all(panels.map((panel) => panel.connect(CONNECT_MS)));
      const fromMs = Date.now() + lagMs;
      this.range = { fromMs, toMs: fromMs + durationMs };
      const endMs = performance.now() + durationMs + 2 * lagMs;
      while (performance.now() < endMs && !signal.aborted) {
        await sleep(SETTLE_EVERY_MS, undefined, { signal }).catch(() => undefined);
        this.settle((horizonMs, atMs) => atMs < Date.now() - horizonMs);
      }
      if (signal.aborted) this.range = { fromMs, toMs: Date.now() - lagMs };
    } finally {
      panels.forEach((panel) => panel.close());
    }
    this.settle(() => true);
  }

  /** @param atMs arrival here, epoch milliseconds */
  add(side: Side, frame: PanelFrame, atMs: number): void {
    const item = frameItem(frame, atMs);
    const known = this.matchers.get(item.box);
    if (!known && this.matchers.size >= MAX_BOXES) return;
    const matcher =
      known ??
      new WindowMatcher({
        lagMs: this.options.lagMs,
        isUnique: false,
        onFinding: (finding) => {
          const { fromMs, toMs } = this.range;
          if (fromMs <= finding.atMs && finding.atMs < toMs) this.log.add(finding);
        },
        onMatch: ({ kind }, _, difference) => this.log.match(kind, difference),
      });
    this.matchers.set(item.box, matcher);
    matcher.add(side, item);
  }

  settle(isOver: (horizonMs: number, atMs: number) => boolean): void {
    for (const matcher of this.matchers.values()) matcher.settle((atMs) => isOver(matcher.horizonMs, atMs));
  }
}

/** What the box sent identifies the frame; what the server adds is compared. */
function frameItem(frame: PanelFrame, atMs: number): ComparedItem {
  const { body } = frame as { readonly body?: unknown };
  const isPictures = typeof body === 'object' && body !== null;
  const sent = (isPictures ? body : frame) as PanelFrame;
  const box = String(sent['ambulance_id']).slice(0, 64);
  if (isPictures)
    return {
      kind: 'frame',
      box,
      atMs,
      keys: [`pictures ${textOf(sent)}`],
      fields: { imagesObj: withoutRandomNames(frame['imagesObj']) },
    };
  const { tracking_latitude: lat, tracking_longitude: lon, tracking_speed: speed, type } = frame;
  return { kind: 'frame', box, atMs, keys: [textOf({ type, lat, lon, speed })], fields: frame };
}

/** Sorted by name: the order of fields means nothing. */
function textOf(fields: PanelFrame): string {
  return JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The name of a picture ends in the second of its arrival and four random digits. */
function withoutRandomNames(images: unknown): unknown {
  if (typeof images !== 'object' || images === null) return images;
  return Object.fromEntries(
    Object.entries(images).map(([name, path]) => [
      name,
      String(path).replace(/\/\d{4}\/\d+\/\d+\/\d+_\d+\/\d+_\d+_\d+/, '/…'),
    ]),
  );
}
