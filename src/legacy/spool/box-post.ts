import type { Crash } from '../../crashes/index.js';
import type { LegacyFields } from '../legacy-fields.js';
import type { LegacyPostKind, PostOrigin } from '../legacy-metrics.js';

/** How a request arrived. */
interface PostArrival {
  /** `mirror`: the old server has got it too. */
  readonly origin: PostOrigin;
  /** nginx's id of the request; null: it came past nginx. Both copies of one request have the same, and the same times and ids. */
  readonly requestId: string | null;
  /** See `RecordEpoch`. null: it arrived before the role was read from storage, and gets the epoch at its write. */
  readonly roleEpoch?: number | null;
}

/** A position of a box; it can be stored. */
export interface PositionPost extends PostArrival {
  readonly kind: 'position';
  /** Of this request. */
  readonly id: string;
  readonly vehicleId: string;
  /** The time that the position gets, epoch milliseconds; see `ArrivalTimes`. */
  readonly timeMs: number;
  /** Time of arrival by the clock, epoch milliseconds. */
  readonly receivedAtMs: number;
  /** As the box sent them. */
  readonly fields: LegacyFields;
}

export interface CrashPost extends PostArrival {
  readonly kind: 'crash';
  /** That of the crash. */
  readonly id: string;
  readonly vehicleId: string;
  readonly receivedAtMs: number;
  readonly crash: Crash;
  readonly fields: LegacyFields;
}

export interface PicturePost extends PostArrival {
  readonly kind: 'picture';
  readonly id: string;
  readonly vehicleId: string;
  readonly receivedAtMs: number;
  readonly boxCode: string;
  readonly fields: LegacyFields;
  /** In the order of the request. */
  readonly files: readonly PictureFile[];
}

export interface PictureFile {
  /** As the box sent it. */
  readonly filename: string;
  readonly bytes: Buffer;
}

/** A request of a box whose vehicle is known, in the form in which it is stored at once or waits in the spool. */
export type BoxPost = PositionPost | CrashPost | PicturePost;
export type PostOf<K extends LegacyPostKind> = Extract<BoxPost, { kind: K }>;

/** 4 bytes length of the JSON (big-endian), JSON, then the bytes of the files. */
export function encodePost(post: BoxPost): Buffer {
  const files = post.kind === 'picture' ? post.files : [];
  const sizes = files.map(({ filename, bytes }) => ({ filename, sizeBytes: bytes.length }));
  const json = Buffer.from(JSON.stringify({ ...post, ...(post.kind === 'picture' && { files: sizes }) }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, ...files.map(({ bytes }) => bytes)]);
}

/** The files share the memory of `payload`. @throws SyntaxError, RangeError when it is no post */
export function decodePost(payload: Buffer): BoxPost {
  let offset = 4 + payload.readUInt32BE(0);
  const post = {
    // A release without mirrored posts has written neither.
    ...({ origin: 'direct', requestId: null } as object),
    ...(JSON.parse(payload.toString('utf8', 4, offset)) as
      PositionPost | CrashPost | (Omit<PicturePost, 'files'> & { files: StoredFile[] })),
  };
  if (post.kind === 'crash')
    return { ...post, crash: { ...post.crash, reportedAt: new Date(post.crash.reportedAt) } };
  if (post.kind !== 'picture') return post;
  const files = post.files.map(({ filename, sizeBytes }) => ({
    filename,
    bytes: payload.subarray(offset, (offset += sizeBytes)),
  }));
  return { ...post, files };
}

interface StoredFile {
  readonly filename: string;
  readonly sizeBytes: number;
}
