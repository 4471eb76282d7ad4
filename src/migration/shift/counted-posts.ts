import type { CountedPosts } from './green-client.js';

/** A line of nginx and the count of green are not of the same moment. */
const SETTLE_MS = 3_000;

/**
 * Compares the posts that nginx has an answer of green for, and the mirrored ones, with those that green has counted. Green
 * counts every post with its outcome; one that it answered and has not counted is lost.
 */
export class PostReconciliation {
  private base: CountedPosts | null = null;
  private counted: CountedPosts | null = null;
  private arrived: number[] = [];
  private settled = 0;

  /** A post that green answered, or a mirrored one that nginx does not name as failed. */
  add(atMs: number): void {
    if (this.base !== null) this.arrived.push(atMs);
  }

  /** A mirrored post that nginx names as failed: it was added with the post of blue. */
  subtract(posts: number): void {
    if (this.base !== null) this.settled -= posts;
  }

  /** @param posts null: green gave no counts */
  read(posts: CountedPosts | null): void {
    if (posts === null) return;
    if (posts.startedAtS === this.counted?.startedAtS) {
      this.counted = posts;
      return;
    }
    // The first read, or green was restarted: the comparison begins again.
    this.base = this.counted = posts;
    this.arrived = [];
    this.settled = 0;
  }

  figures(nowMs: number): { readonly expected: number; readonly missing: number } {
    const open = this.arrived.filter((atMs) => atMs > nowMs - SETTLE_MS);
    this.settled += this.arrived.length - open.length;
    this.arrived = open;
    if (this.base === null || this.counted === null) return { expected: 0, missing: 0 };
    const total = (counts: CountedPosts): number => counts.direct + counts.mirror;
    const expected = Math.max(0, this.settled);
    return { expected, missing: Math.max(0, expected - (total(this.counted) - total(this.base))) };
  }
}
