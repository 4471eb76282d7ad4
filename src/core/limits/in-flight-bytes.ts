import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { Metrics } from '../metrics/metrics.js';

/** The bytes that one request or one socket transport holds in memory. A transport uses one hold for all its messages. */
export interface BytesHold {
  /**
   * Adds bytes that were received.
   * @returns false when they exceed the share of the caller or the limit of the process, or when the hold was cut: the
   *   bytes are not added, and the caller refuses the request and releases the hold
   */
  add(bytes: number): boolean;
  /** Replaces the caller after authentication. A caller with a token is never cut for others. */
  identify(token: string): void;
  /** The bytes are processed or discarded. */
  release(): void;
}

/**
 * Bounds the memory of all request bodies and socket messages that are received and not processed yet. Each caller has a
 * share. Above the limit of the process the oldest hold of a caller without a token is cut: a client that sends slowly on
 * purpose has the oldest.
 */
@Injectable()
export class InFlightBytes {
  private readonly maxBytes: number;
  private readonly maxBytesPerCaller: number;
  /** Holds with bytes, in the order of their first byte. */
  private readonly holds = new Set<Hold>();
  private readonly bytesByCaller = new Map<string, number>();
  private totalBytes = 0;
  private readonly refusals;

  constructor(
    @Inject(SETTINGS)
    { limits }: { readonly limits: Pick<Settings['limits'], 'inFlightBytes' | 'inFlightBytesPerCaller'> },
    metrics: Metrics,
  ) {
    this.maxBytes = limits.inFlightBytes;
    this.maxBytesPerCaller = limits.inFlightBytesPerCaller;
    metrics.gauge({
      name: 'samserver_in_flight_bytes',
      help: 'Bytes of request bodies and socket messages that are received and not processed yet.',
      collect: (gauge) => gauge.set(this.totalBytes),
    });
    this.refusals = metrics.counter({
      name: 'samserver_in_flight_refused_total',
      help: 'Requests and transports refused for their bytes in flight: over the share of the caller, over the limit of the process, or cut as the oldest without a token.',
      labelNames: ['reason'],
    });
  }

  /** Bytes of all holds. */
  get heldBytes(): number {
    return this.totalBytes;
  }

  /**
   * @param network of a caller without a token
   * @param cut ends the request or the transport; called at most once, after the release
   */
  open(network: string, cut: () => void): BytesHold {
    return new Hold(this, network, cut);
  }

  /** For `Hold`. */
  add(hold: Hold, bytes: number): boolean {
    if ((this.bytesByCaller.get(hold.caller) ?? 0) + bytes > this.maxBytesPerCaller) {
      this.refusals.inc({ reason: 'caller' });
      return false;
    }
    this.cutOldest(bytes, hold);
    if (hold.isCut) return false;
    if (this.totalBytes + bytes > this.maxBytes) {
      this.refusals.inc({ reason: 'process' });
      return false;
    }
    this.holds.add(hold);
    this.count(hold, bytes);
    return true;
  }

  /** For `Hold`. */
  count(hold: Hold, bytes: number): void {
    hold.bytes += bytes;
    this.totalBytes += bytes;
    const ofCaller = (this.bytesByCaller.get(hold.caller) ?? 0) + bytes;
    if (ofCaller > 0) this.bytesByCaller.set(hold.caller, ofCaller);
    else this.bytesByCaller.delete(hold.caller);
  }

  /** For `Hold`. */
  remove(hold: Hold): void {
    if (this.holds.delete(hold)) this.count(hold, -hold.bytes);
  }

  /** Cuts holds without a token, the oldest first, until `bytes` more fit. */
  private cutOldest(bytes: number, adding: Hold): void {
    for (const hold of this.holds) {
      if (this.totalBytes + bytes <= this.maxBytes) return;
      if (hold.hasToken) continue;
      this.refusals.inc({ reason: 'oldest' });
      hold.isCut = true;
      hold.release();
      if (hold !== adding) hold.cut();
    }
  }
}

class Hold implements BytesHold {
  bytes = 0;
  hasToken = false;
  isCut = false;

  constructor(
    private readonly owner: InFlightBytes,
    public caller: string,
    readonly cut: () => void,
  ) {}

  add(bytes: number): boolean {
    return !this.isCut && this.owner.add(this, bytes);
  }

  identify(token: string): void {
    const { bytes } = this;
    this.owner.count(this, -bytes);
    this.caller = token;
    this.hasToken = true;
    this.owner.count(this, bytes);
  }

  release(): void {
    this.owner.remove(this);
  }
}
