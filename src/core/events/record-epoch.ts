import { Injectable } from '@nestjs/common';

/**
 * The epoch that arriving records carry while two servers take the same requests (docs/two-servers.md). `legacy` sets it, and
 * every feature that stores such records writes it with them: what this service may do with a record later depends on the time
 * at which it arrived, and the clocks of the instances differ.
 */
@Injectable()
export class RecordEpoch {
  /** undefined: records carry none. */
  current: number | undefined = undefined;
}
