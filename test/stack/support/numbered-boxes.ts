import { setTimeout as sleep } from 'node:timers/promises';
import {
  boxRequest,
  type BoxRequest,
  type NumberedJpegs,
  postAsBox,
} from '../../../src/tools/boxes/index.js';

const POSITION_MS = 1_000;
const PICTURES_MS = 700;
/** km/h that the old server stores for each step of the number of a position: its histories have no place. */
export const KMH_STEP = 0.36;

/** Latitude of a numbered position, for stores that keep the place. */
export const latitudeOf = (boxIndex: number, n: number): number =>
  Number((10 + boxIndex * 0.1 + n * 1e-5).toFixed(5));

export interface SentPost {
  /** As in `Copies`. */
  readonly name: string;
  readonly code: string;
  readonly atMs: number;
  /** HTTP status, or how the post ended for the box without one. */
  readonly end: number | 'timeout' | 'not-sent' | 'broken';
}

/** Old boxes with an address each, at the rates of the fleet. Each post has a number that both stores keep. */
export class NumberedBoxes {
  private sentPosts: SentPost[] = [];
  private readonly counts = new Map<string, number>();

  /** @param indexes box code → index of the box, from 0 */
  constructor(
    private readonly url: string,
    readonly indexes: ReadonlyMap<string, number>,
    private readonly jpegs: NumberedJpegs,
  ) {}

  static addressOf = (index: number): string => `203.0.113.${index + 1}`;

  /** The first position of each box, of which the old server writes no history. */
  async begin(codes = [...this.indexes.keys()]): Promise<void> {
    for (const code of codes) await this.position(code);
  }

  /** Posts until `work` has ended. @returns what was sent meanwhile, when each post has its end */
  async during(work: () => Promise<unknown>): Promise<readonly SentPost[]> {
    this.sentPosts = [];
    let isOver = false;
    const running = [...this.indexes.keys()].flatMap((code) => [
      this.repeat(
        code,
        () => isOver,
        POSITION_MS,
        () => this.position(code),
      ),
      this.repeat(
        code,
        () => isOver,
        PICTURES_MS,
        () => this.picture(code),
      ),
    ]);
    try {
      await work();
    } finally {
      isOver = true;
      await Promise.all(running);
    }
    return this.sentPosts;
  }

  crash(code: string): Promise<void> {
    const fix = { lat: latitudeOf(this.indexOf(code), 0), lon: 100.5, speedMps: 10, headingDeg: 90 };
    return this.post(code, `crash ${code}`, boxRequest.crash(code, fix));
  }

  private position(code: string): Promise<void> {
    const n = this.next(`position ${code}`);
    const fix = {
      lat: latitudeOf(this.indexOf(code), n),
      lon: 100.5,
      speedMps: (n * KMH_STEP) / 3.6,
      headingDeg: 90,
    };
    return this.post(code, `position ${code} ${n}`, boxRequest.position(code, fix));
  }

  private picture(code: string): Promise<void> {
    const n = this.next(`picture ${code}`);
    const request = boxRequest.pictures(code, n, [this.jpegs.jpeg(code, n)]);
    return this.post(code, `picture ${this.jpegs.sha256(code, n)}`, request);
  }

  private async repeat(
    code: string,
    isOver: () => boolean,
    everyMs: number,
    post: () => Promise<void>,
  ): Promise<void> {
    const open = new Set<Promise<void>>();
    // Spread over one interval.
    await sleep(([...this.indexes.keys()].indexOf(code) / this.indexes.size) * everyMs);
    while (!isOver()) {
      const posting = post().finally(() => open.delete(posting));
      open.add(posting);
      await sleep(everyMs);
    }
    await Promise.all(open);
  }

  private async post(code: string, name: string, request: BoxRequest): Promise<void> {
    const atMs = Date.now();
    const headers = { ...request.headers, 'X-Real-IP': NumberedBoxes.addressOf(this.indexOf(code)) };
    const answer = await postAsBox(this.url, { ...request, headers });
    this.sentPosts.push({
      ...{ name, code, atMs },
      end: answer.kind === 'answered' ? answer.status : answer.kind,
    });
  }

  private next(stream: string): number {
    const n = this.counts.get(stream) ?? 0;
    this.counts.set(stream, n + 1);
    return n;
  }

  private indexOf(code: string): number {
    return this.indexes.get(code) ?? 0;
  }
}
