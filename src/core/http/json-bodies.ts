import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DomainError } from '../errors/domain-error.js';
import { InFlightBytes, type BytesHold } from '../limits/in-flight-bytes.js';
import { type SharedRate, SharedRates } from '../limits/shared-rates.js';
import { ClientAddresses } from './client-addresses.js';
import { parseJsonBody } from './json-body.js';
import { announcedBytes, arrivedBytes, bodyTooLarge, readBytes } from './request-body.js';

/** A smaller body costs less than the request around it, so it takes nothing from the rate. */
const FREE_BYTES = 2_048;
const BURST_S = 4;
const RETRY_AFTER_MS = 2_000;

/**
 * Reads and parses JSON bodies, and bounds what one caller can make the service hold and parse. A caller is its verified
 * token, or its network without one.
 */
@Injectable()
export class JsonBodies {
  private readonly parsedBytes: SharedRate;
  private turn: Promise<void> | null = null;

  constructor(
    private readonly bytes: InFlightBytes,
    private readonly addresses: ClientAddresses,
    rates: SharedRates,
    @Inject(SETTINGS) { limits }: Pick<Settings, 'limits'>,
  ) {
    this.parsedBytes = rates.add('json-bytes', limits.jsonBytesPerS * BURST_S, limits.jsonBytesPerS);
  }

  /**
   * @param token verified; null on a public route
   * @returns the parsed body
   * @throws UnreadableBodyError; http/too-many-bytes; http/busy
   */
  async read(request: IncomingMessage, maxBytes: number, token: string | null): Promise<object> {
    const announced = announcedBytes(request);
    if (announced > maxBytes) throw bodyTooLarge(maxBytes);
    this.limitRate(request, announced, token);
    await this.nextTurn();
    const body = arrivedBytes(request) ?? (await this.receive(request, maxBytes, token));
    if (body.length > maxBytes) throw bodyTooLarge(maxBytes);
    if (announced === 0) this.limitRate(request, body.length, token);
    return parseJsonBody(body);
  }

  /** Counts bytes of this caller in flight. When its bytes are cut for those of others, the request ends. */
  open(request: IncomingMessage, token: string | null): BytesHold {
    const hold = this.bytes.open(token ?? this.addresses.networkOf(request), () => request.destroy());
    if (token !== null) hold.identify(token);
    return hold;
  }

  /**
   * Waits for one turn of the event loop. Node emits the request before it parses the rest of the received bytes, so a small
   * body is complete after that turn.
   */
  private nextTurn(): Promise<void> {
    return (this.turn ??= new Promise((resolve) =>
      setImmediate(() => {
        this.turn = null;
        resolve();
      }),
    ));
  }

  private async receive(request: IncomingMessage, maxBytes: number, token: string | null): Promise<Buffer> {
    const hold = this.open(request, token);
    try {
      return await readBytes(request, maxBytes, (bytes) => (hold.add(bytes) ? null : tooManyBodies()));
    } finally {
      hold.release();
    }
  }

  /** @throws http/too-many-bytes */
  private limitRate(request: IncomingMessage, bytes: number, token: string | null): void {
    if (bytes <= FREE_BYTES) return;
    const retryAfterMs = this.parsedBytes.take(token ?? this.addresses.networkOf(request), bytes);
    if (retryAfterMs === 0) return;
    throw new DomainError(
      'http/too-many-bytes',
      'This caller sends more JSON than JSON_BYTES_PER_S allows; send it again later.',
      { retryAfterMs },
    );
  }
}

export function tooManyBodies(): DomainError {
  return new DomainError(
    'http/busy',
    'Too many request bodies are in progress; send the same request again.',
    { retryAfterMs: RETRY_AFTER_MS },
  );
}
