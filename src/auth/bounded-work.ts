/**
 * At most `atOnce` at work and `longestLine` waiting their turn, in order; who comes after that is refused at once
 * instead of being kept for an answer that comes too late.
 */
export class BoundedWork {
  private working = 0;
  private readonly line: (() => void)[] = [];

  constructor(
    private readonly atOnce: number,
    private readonly longestLine: number,
    private readonly refusal: () => Error,
  ) {}

  /** True while somebody could start without waiting. */
  get hasRoom(): boolean {
    return this.working < this.atOnce;
  }

  /** @throws the refusal, or what the work throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.hasRoom) this.working += 1;
    else if (this.line.length >= this.longestLine) throw this.refusal();
    else await new Promise<void>((resolve) => this.line.push(resolve));
    try {
      return await work();
    } finally {
      // The place is handed on, not given up: nobody who comes in between can jump the line.
      const next = this.line.shift();
      if (next) next();
      else this.working -= 1;
    }
  }
}
