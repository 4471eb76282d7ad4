import type { NumberedJpegs } from '../../tools/boxes/index.js';
import type { Ledger, LedgerStream } from './ledger.js';
import type { RunNumbers } from './run-numbers.js';

export const CAMERAS = 2;

/** The entries of one box. */
export class BoxStreams {
  readonly positions: LedgerStream;
  /** One for each camera: a post has an entry in each, under one number. */
  readonly cameras: readonly LedgerStream[];
  readonly crashes: LedgerStream;
  /** SHA-256 → camera and number, of the pictures that were sent when it was made. */
  private hashes: Map<string, readonly [camera: number, n: number]> | null = null;

  /** @param index of the box in the run */
  constructor(
    ledger: Ledger,
    readonly code: string,
    private readonly index: number,
    private readonly numbers: RunNumbers,
    private readonly jpegs: NumberedJpegs,
  ) {
    this.positions = ledger.stream('position', code);
    this.cameras = Array.from({ length: CAMERAS }, (_, camera) => ledger.stream('picture', code, camera));
    this.crashes = ledger.stream('crash', code);
  }

  jpeg(camera: number, n: number): Buffer {
    return this.jpegs.jpeg(this.mark, n * CAMERAS + camera);
  }

  /** Null for a picture that this box has not sent in this run. */
  pictureOf(sha256: string): readonly [camera: number, n: number] | null {
    this.hashes ??= this.hashAll();
    return this.hashes.get(sha256) ?? null;
  }

  /** The pictures are made again instead of being kept: 40 kB a post would not fit the memory, and 100 bytes do. */
  private hashAll(): Map<string, readonly [number, number]> {
    const hashes = new Map<string, readonly [number, number]>();
    this.cameras.forEach((stream, camera) => {
      for (let n = 0; n < stream.size; n += 1)
        hashes.set(this.jpegs.sha256(this.mark, n * CAMERAS + camera), [camera, n]);
    });
    return hashes;
  }

  private get mark(): string {
    return `${this.numbers.mark}.${this.index}`;
  }
}
