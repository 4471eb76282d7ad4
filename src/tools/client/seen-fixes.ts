/** Which (vehicle, time) pairs came by lately: delivery to watchers is at least once. */
export class SeenFixes {
  private readonly keys = new Set<string>();

  /** @param capacity pairs remembered; the oldest are forgotten first */
  constructor(private readonly capacity = 50_000) {}

  /** False for a repeat. */
  add(vehicleId: string, time: string): boolean {
    const key = `${vehicleId}|${Date.parse(time)}`;
    if (this.keys.has(key)) return false;
    this.keys.add(key);
    if (this.keys.size > this.capacity) {
      // A Set iterates in insertion order.
      for (const oldest of this.keys) {
        this.keys.delete(oldest);
        break;
      }
    }
    return true;
  }

  get size(): number {
    return this.keys.size;
  }
}
