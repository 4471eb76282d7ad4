import type { OldAnswer } from './old-server-client.js';
import { CRASH_PATH, SNAPSHOT_PATH, TRACKING_PATH } from '../legacy-routes.js';
import type { LegacyPostKind } from '../legacy-metrics.js';
import type { OwedItem } from '../owed/owed.repository.js';
import type { EndingClass } from './ending-posts.js';

/** A request of a box, as it is passed on to the old server. */
export interface TeedPost {
  /** Of this request. */
  readonly id: string;
  readonly kind: LegacyPostKind;
  readonly boxCode: string;
  /** null: this service does not know the box. */
  readonly vehicleId: string | null;
  readonly receivedAtMs: number;
  /** Of the record that this service makes of the request, as in `OwedItem`; null: it stores nothing of it. */
  readonly recordId: string | null;
  readonly contentType: string | null;
  /** Why the old server would end. */
  readonly ends: EndingClass | null;
  /** On the disk without its body: there was no room for it. The next process does not send it. */
  readonly isRefused?: true;
  /** As the box sent it. */
  readonly body: Buffer;
}

/** A post on its way to the old server. */
export interface Passing {
  /** Resolves when the post is on the disk, or cannot be. Never rejects. */
  readonly isKept: Promise<unknown>;
  /** The answer of the old server; null without one. Never rejects, and does not settle while the post waits. */
  readonly answer: Promise<OldAnswer | null>;
}

/** What the old server has got of a post. */
export type TeeOutcome =
  /** It has answered. */
  | 'taken'
  /** Bytes were sent, and no answer came, or one of the kind 5xx. It is not sent again, because the old server keeps repeats. */
  | 'uncertain'
  /** No connection in time: no byte was sent. */
  | 'expired'
  /** It would have ended the old server. */
  | 'withheld'
  /** No room in memory for further posts. */
  | 'refused';

export const TEE_OUTCOMES: readonly TeeOutcome[] = ['taken', 'uncertain', 'expired', 'withheld', 'refused'];

/** What happened to a post, as far as it can be read after a kill. `owed`: its owed record is in storage. */
export type TeeMark = 'sent' | 'owed' | TeeOutcome;

/** @returns null: this service has no record of the post */
export function owedItemOf(post: TeedPost, outcome: TeeOutcome): OwedItem | null {
  const { kind, vehicleId, recordId, receivedAtMs } = post;
  if (vehicleId === null || recordId === null) return null;
  return { kind, vehicleId, recordId, at: new Date(receivedAtMs), reason: `tee: ${outcome}` };
}

export const withoutBody = (post: TeedPost): TeedPost => ({
  ...post,
  isRefused: true,
  body: Buffer.alloc(0),
});

export const PATH_OF: Readonly<Record<LegacyPostKind, string>> = {
  position: `/${TRACKING_PATH}`,
  picture: `/${SNAPSHOT_PATH}`,
  crash: `/${CRASH_PATH}`,
};

/** 4 bytes length of the JSON (big-endian), JSON, then the body. */
export function encodeTeedPost({ body, ...head }: TeedPost): Buffer {
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, body]);
}

/** @throws SyntaxError, RangeError when it is no post */
export function decodeTeedPost(payload: Buffer): TeedPost {
  const end = 4 + payload.readUInt32BE(0);
  const head = JSON.parse(payload.toString('utf8', 4, end)) as Omit<TeedPost, 'body'>;
  // A copy, so that it does not keep the memory of the whole segment.
  return { ...head, body: Buffer.from(payload.subarray(end)) };
}
