import type { ImagePart } from '../../images/index.js';
import type { LegacyFields } from '../legacy-fields.js';

/** The pictures of one request of an old box. */
export interface BoxPictures {
  readonly vehicleId: string;
  readonly boxCode: string;
  /** Time of the request; no other request of the vehicle has the same. */
  readonly receivedAt: Date;
  readonly fields: LegacyFields;
  /** In the order of the request. */
  readonly files: readonly ImagePart[];
  /** See `RecordEpoch`. */
  readonly roleEpoch?: number;
}
