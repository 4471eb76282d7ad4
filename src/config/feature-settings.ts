import { setting } from './setting-definition.js';
import * as type from './setting-types.js';

export const POSITION_SETTINGS = {
  POSITION_MAX_AHEAD_S: setting({
    type: type.integer(0, 86_400),
    default: '300',
    unit: 's',
    text: 'A fix that is further ahead of the clock of the service is quarantined as `future`.',
  }),
  POSITION_OLDEST: setting({
    type: type.day,
    default: '2000-01-01',
    text: 'A fix before this day (UTC) is quarantined as `too_old`.',
  }),
  POSITION_ROLLOVER_DAYS: setting({
    type: type.integer(0, 365),
    default: '7',
    unit: 'days',
    text: 'A fix within this distance of its arrival less 1,024 or 2,048 weeks (a rollover of the GPS week) is quarantined as `stale_clock`. With 0 it is not.',
  }),
  POSITION_MAX_BEHIND_DAYS: setting({
    type: type.integer(1, 36_500),
    default: '366',
    unit: 'days',
    text: 'A fix that is further behind the newest good fix of its vehicle is quarantined as `stale_clock`.',
  }),
  POSITION_CLOCK_BEHIND_S: setting({
    type: type.integer(10, 86_400),
    default: '300',
    unit: 's',
    text: 'A vehicle that reports for this time without a newer fix is shown with `clock: "behind"`.',
  }),
  POSITION_MAX_ACCURACY_M: setting({
    type: type.integer(1, 10_000_000),
    default: '5000',
    unit: 'm',
    text: 'A fix with a larger accuracy radius is quarantined as `inaccurate`.',
  }),
  POSITION_MAX_SPEED_MPS: setting({
    type: type.integer(1, 10_000),
    default: '100',
    unit: 'm/s',
    text: 'A fix that needs a higher speed from the fix before it is quarantined as `jump`.',
  }),
  POSITION_JUMPS_TO_RELEASE: setting({
    type: type.integer(2, 10),
    default: '3',
    text: 'Number of jumps in a row after which they are released, when each is plausible after the one before.',
  }),
  POSITION_RETENTION_DAYS: setting({
    type: type.integer(1, 36_500),
    default: null,
    defaultText: 'positions are kept forever',
    unit: 'days',
    text: 'Age at which positions are deleted, quarantined ones included; counted from the later of fix time and receipt. The newest position of each vehicle is kept.',
  }),
  LIVE_REPLAY_LIMIT: setting({
    type: type.integer(1_000, 10_000_000),
    default: '60000',
    text: 'Maximum number of positions replayed to a subscriber that reconnects. With more, it starts again with a snapshot.',
  }),
  LIVE_MAX_UNSENT_BYTES: setting({
    type: type.integer(100_000, 1_000_000_000),
    default: '4000000',
    unit: 'bytes',
    text: 'A subscriber whose connection holds more bytes that it has not taken is slow: it gets `resync`, and its stream ends.',
  }),
  LIVE_MAX_UNSENT_S: setting({
    type: type.integer(1, 3_600),
    default: '20',
    unit: 's',
    text: 'A subscriber that has not taken what was sent for this time is slow: it gets `resync`, and its stream ends.',
  }),
};

export const IMAGE_SETTINGS = {
  IMAGE_DIR: setting({
    type: type.text(1, 1024),
    default: null,
    defaultText: 'none, the service keeps no pictures; `DATA_DIR/images` on the embedded database',
    text: 'Directory of the pictures. `samserver init` marks it as part of this deployment.',
  }),
  IMAGE_MAX_BYTES: setting({
    type: type.integer(1_000, 1_000_000_000),
    default: '15000000',
    unit: 'bytes',
    text: 'Maximum size of a picture.',
  }),
  IMAGE_MAX_PIXELS: setting({
    type: type.integer(1_000, 1_000_000_000),
    default: '100000000',
    unit: 'pixels',
    text: 'Maximum width times height of a picture. A larger one is refused before it is decoded.',
  }),
  IMAGE_UPLOADS_AT_ONCE: setting({
    type: type.integer(1, 10_000),
    default: '200',
    text: 'Uploads that one instance receives at the same time. Above it, an upload cuts the oldest one of the user or vehicle with most of them, or gets 503 when no other has more.',
  }),
  IMAGE_VEHICLE_QUOTA_BYTES: setting({
    type: type.integer(1_000_000, 100_000_000_000_000),
    default: '50000000000',
    unit: 'bytes',
    text: 'Maximum size of the uploads over the API of one vehicle together; above it they get 507. With `IMAGE_WHEN_FULL=replace` also of all its pictures, adopted ones as in `IMAGE_RETENTION_ADOPTED`: above it, its oldest pictures of boxes are deleted.',
  }),
  IMAGE_RETENTION_DAYS: setting({
    type: type.integer(1, 36_500),
    default: null,
    defaultText: 'no picture is deleted for its age',
    unit: 'days',
    text: 'Age at which pictures are deleted, uploads over the API included, adopted ones as in `IMAGE_RETENTION_ADOPTED`. The newest ones of each vehicle are kept.',
  }),
  IMAGE_RETENTION_ADOPTED: setting({
    type: type.oneOf('keep', 'delete'),
    default: 'keep',
    text: 'With `keep` no rule deletes or counts a picture that the old server stored and `samserver images scan` adopted. With `delete` every rule treats it as the picture of a box. During a move both servers share the folder, and nothing restores a deleted picture.',
  }),
  IMAGE_WHEN_FULL: setting({
    type: type.oneOf('refuse', 'replace'),
    default: 'refuse',
    text: '`refuse` deletes nothing for want of room: below `IMAGE_MIN_FREE_PCT` uploads get 507, and pictures of boxes 503; `/ready` shows `volume.low_space` before that. `replace` deletes the oldest pictures of boxes when those of a vehicle have 95 % of `IMAGE_VEHICLE_QUOTA_BYTES` (at 53 kB/s after 11 days), or when less than 12 % of the volume is free (7 points above `IMAGE_MIN_FREE_PCT` when that is more). Uploads over the API and pictures of the last hour stay.',
  }),
  IMAGE_VOLUME_MAX_BYTES: setting({
    type: type.integer(1_000_000, 1_000_000_000_000_000),
    default: null,
    defaultText: 'only the free space of the volume counts',
    unit: 'bytes',
    text: 'Size of all pictures together, adopted ones as in `IMAGE_RETENTION_ADOPTED`, above which the oldest pictures of boxes are deleted.',
  }),
  IMAGE_MIN_FREE_PCT: setting({
    type: type.integer(0, 50),
    default: '5',
    unit: '%',
    text: 'Free space of the volume below which uploads are refused.',
  }),
  IMAGE_KEEP_EXIF: setting({
    type: type.oneOf('on', 'off'),
    default: 'off',
    text: '`on` keeps the place, device and time in the metadata of a picture; `off` removes them.',
  }),
  IMAGE_DECODE_ONE_IN: setting({
    type: type.integer(1, 1_000_000),
    default: '50',
    text: 'Of the JPEGs of old boxes, one in this number is decoded completely on arrival. Of each, the structure is checked and the hash computed. With `1` all are decoded: it takes about four times the processor time. Uploads over the API are decoded always.',
  }),
  IMAGE_DECODER_MEMORY_MB: setting({
    type: type.integer(128, 16_384),
    default: '384',
    unit: 'MB',
    text: 'Memory of the process that decodes pictures; above it the process is ended.',
  }),
  IMAGE_ACCEL: setting({
    type: type.oneOf('0', '1'),
    default: '0',
    text: '`1` lets nginx send the files (`X-Accel-Redirect` to `/protected-images/`).',
  }),
  IMAGE_OLD_ADDRESSES: setting({
    type: type.oneOf('public', 'token'),
    default: 'public',
    text: "Access to `/uploads/ambulance_images/…`, the old server's picture addresses: without a token (`public`) or with a user's token (`token`).",
  }),
};
