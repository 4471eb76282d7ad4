import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { LegacyMetrics } from '../legacy-metrics.js';

/** Above this number, the box that was silent longest is removed. */
const MAX_LISTED = 200;
const MAX_CODE_LENGTH = 64;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

export interface UnknownBox {
  /** Printable and shortened; `(none)`: the request has no usable code. */
  readonly code: string;
  readonly count: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  readonly lastAddress: string;
}

/** Codes of boxes that report to this instance and belong to no vehicle. */
@Injectable()
export class UnknownBoxes {
  private readonly logger = new Logger(UnknownBoxes.name);
  /** Ordered by `lastSeenAt`, ascending. */
  private readonly boxes = new Map<string, UnknownBox>();

  constructor(
    private readonly clock: Clock,
    private readonly metrics: LegacyMetrics,
  ) {
    metrics.observeUnknownBoxCount(() => this.boxes.size);
  }

  /** @returns the printable form of the code */
  record(given: string | null, address: string): string {
    this.metrics.unknownBox();
    const code = given === null ? '(none)' : printableCode(given);
    const at = new Date(this.clock.nowMs());
    const before = this.boxes.get(code);
    this.boxes.delete(code);
    const [oldest] = this.boxes.keys();
    if (this.boxes.size >= MAX_LISTED && oldest !== undefined) this.boxes.delete(oldest);
    this.boxes.set(code, {
      code,
      count: (before?.count ?? 0) + 1,
      firstSeenAt: before?.firstSeenAt ?? at,
      lastSeenAt: at,
      lastAddress: address,
    });
    if (!before) this.logger.warn({ code, address }, 'request of an unknown box');
    return code;
  }

  /** The most recently seen box first. */
  list(): readonly UnknownBox[] {
    return [...this.boxes.values()].reverse();
  }
}

function printableCode(code: string): string {
  const short = code.slice(0, MAX_CODE_LENGTH).replace(UNPRINTABLE, '\ufffd');
  return short === '' ? '(empty)' : short;
}
