/** Repeatable random numbers (mulberry32), so that a test that fails prints its seed. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Fix {
  readonly lat: number;
  readonly lon: number;
  readonly time: string;
  readonly accuracyM?: number;
}

const DAY_MS = 86_400_000;
const DEGREES_PER_M = 1 / 111_195;

/** The fixes of one vehicle, good ones and every kind of bad one, as a device with faults sends them. */
export class RandomFixes {
  private readonly sent: Fix[] = [];
  private metresNorth = 0;
  /** Fixes of a movement over a long distance that are still to come. */
  private left = 0;

  constructor(
    private readonly random: () => number,
    private readonly nowMs: () => number,
  ) {}

  next(): Fix {
    const fix = this.left > 0 ? this.good() : this.anyKind();
    this.left -= 1;
    this.sent.push(fix);
    return fix;
  }

  /** One of the fixes that were sent. */
  again(): Fix {
    return this.sent[Math.floor(this.random() * this.sent.length)] ?? this.good();
  }

  private anyKind(): Fix {
    const kind = this.random();
    const good = this.good();
    const { lat } = good;
    if (kind < 0.45) return good;
    if (kind < 0.55) return this.again();
    if (kind < 0.63) return this.at(-this.random() * 600_000);
    if (kind < 0.7) return { ...this.again(), lat: lat + 0.001 };
    if (kind < 0.78) return { ...good, lat: lat + 0.5 };
    if (kind < 0.81) return { ...good, lat: 0, lon: 0 };
    if (kind < 0.84) return { ...good, accuracyM: 9_000 };
    if (kind < 0.87) return this.at(400_000);
    if (kind < 0.9) return this.at(-1_024 * 7 * DAY_MS);
    if (kind < 0.92) return this.at(-400 * DAY_MS);
    if (kind < 0.94) return { ...good, time: '1999-12-31T23:59:59.000Z' };
    if (kind < 0.95) return { ...good, lat: 99 };
    this.metresNorth += 60_000;
    this.left = 4;
    return this.good();
  }

  private good(): Fix {
    this.metresNorth += 5;
    return this.at(-Math.floor(this.random() * 900));
  }

  private at(fromNowMs: number): Fix {
    return {
      lat: Number((40 + this.metresNorth * DEGREES_PER_M).toFixed(7)),
      lon: 11,
      time: new Date(this.nowMs() + Math.round(fromNowMs)).toISOString(),
    };
  }
}
