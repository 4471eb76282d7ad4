import { setting } from './setting-definition.js';
import * as type from './setting-types.js';
import { LEGACY_ROLES, LEGACY_ROOMS } from './settings.js';

export const LEGACY_SETTINGS = {
  LEGACY_CLIENTS: setting({
    type: type.oneOf('on', 'off'),
    default: 'on',
    text: '`on` serves the boxes and panels of the old server on both ports, without a token, as the old server does.',
  }),
  LEGACY_ROOMS: setting({
    type: type.someOf(...LEGACY_ROOMS),
    default: LEGACY_ROOMS.join(','),
    text: 'Rooms that old panels may join.',
  }),
  LEGACY_MAX_PANELS: setting({
    type: type.integer(1, 100_000),
    default: '200',
    text: 'Maximum number of old panels connected to one instance. A further connection is closed, and the panel connects again later.',
  }),
  LEGACY_POSTS_PER_S_PER_ADDRESS: setting({
    type: type.integer(1, 100_000),
    default: '200',
    text: 'Requests of old boxes per second from one address, on all instances with Redis: positions, pictures and crashes count apart. Further ones get 429. A burst can have 5 seconds of this rate. A box sends up to 1.5 a second, and all boxes can have one address: allow 6 for each box.',
  }),
  LEGACY_POSITIONS_PER_S_PER_BOX: setting({
    type: type.integer(1, 100_000),
    default: '4',
    text: 'Positions of one old box per second from one address, on all instances with Redis. Further ones get 429. A box sends one a second. A burst can have 5 seconds of this rate, and all addresses together four times the rate.',
  }),
  LEGACY_PICTURE_POSTS_PER_S_PER_BOX: setting({
    type: type.integer(1, 100_000),
    default: '6',
    text: 'Picture requests of one old box per second from one address, on all instances with Redis. Further ones get 429. A box sends up to 1.5 a second. A burst can have 5 seconds of this rate, and all addresses together four times the rate.',
  }),
  LEGACY_PICTURE_POSTS_AT_ONCE: setting({
    type: type.integer(1, 10_000),
    default: '64',
    text: 'Picture requests of old boxes that one instance reads at the same time. Above it, the address with most of them loses its oldest one, or the oldest of all is cut when it takes over 5 s.',
  }),
  LEGACY_MAX_PANELS_PER_ADDRESS: setting({
    type: type.integer(1, 100_000),
    default: '50',
    text: 'Share of one address (of one /64 network with IPv6) in `LEGACY_MAX_PANELS`. When all places are taken, an address with few panels gets the place of one with many.',
  }),
  LEGACY_TIME_ZONE: setting({
    type: type.timeZone,
    default: null,
    defaultText: 'the time zone of the machine',
    text: 'Time zone of the picture folders of the old server (`…/<Y>/<M>/<D>/<H>_<m>/…`).',
  }),
  LEGACY_SPOOL_DIR: setting({
    type: type.text(1, 1_024),
    default: null,
    defaultText: '`DATA_DIR/legacy-spool`',
    text: 'Directory in which the requests of old boxes wait while storage does not answer. Several instances of one deployment may share it. In a container it must be a volume.',
  }),
  LEGACY_SPOOL_MAX_BYTES: setting({
    type: type.integer(0, 1_000_000_000_000),
    default: '1000000000',
    unit: 'bytes',
    text: 'Maximum size of all waiting requests of one instance; further ones get 503. The last tenth is for positions and crashes. 16 boxes with two pictures of 20 kB each 700 ms need 0.9 MB a second. 0 turns the spool off: every request gets 503 while storage does not answer.',
  }),
  LEGACY_SPOOL_MAX_AGE_S: setting({
    type: type.integer(60, 31_536_000),
    default: '86400',
    unit: 's',
    text: 'Age of the oldest waiting request above which further ones get 503. Waiting requests are never discarded.',
  }),
  LEGACY_COLLECTIONS: setting({
    type: type.oneOf('write', 'off'),
    default: 'off',
    text: '`write` keeps the collections of the old server (`ambulance_trackings` and others) up to date for the other programs on the database.',
  }),
  LEGACY_MIRROR_SECRET: setting({
    type: type.secret(32),
    default: null,
    defaultText: 'none, marks of mirrored posts are ignored',
    text: 'Secret by which this service recognises the copies of posts that nginx mirrors (header `X-Samserver-Mirror`), at least 32 characters. nginx and this service must have the same.',
    isSecret: true,
  }),
  LEGACY_MIRROR: setting({
    type: type.oneOf('on', 'off'),
    default: 'on',
    text: '`off` answers mirrored posts with 503 and stores nothing of them, until `PUT /api/v1/ops/legacy-mirror` changes it for the first time.',
  }),
  LEGACY_SHADOW_DIR: setting({
    type: type.text(1, 1_024),
    default: null,
    defaultText: '`DATA_DIR/legacy-shadow-pictures`',
    text: 'Directory of the pictures of boxes that arrive while the old server has the role (`LEGACY_ROLES`): they are kept for 48 h, and not in `IMAGE_DIR`. Several instances must share it.',
  }),
  LEGACY_TEE_URL: setting({
    type: type.plainWebAddress,
    default: null,
    defaultText: 'none, posts are not passed on',
    text: 'Address of the old server, as in `http://127.0.0.1:5000`: while it has the role (`LEGACY_ROLES`), the posts of boxes that reach this service directly are passed on to it. Waiting posts are in `tee` in `LEGACY_SPOOL_DIR`, with the limits of the spool once more (`LEGACY_SPOOL_MAX_BYTES`, `LEGACY_SPOOL_MAX_AGE_S`). Keep it set until `GET /api/v1/ops/legacy-tee` shows `isDrained`.',
  }),
  LEGACY_ROLES: setting({
    type: type.oneOf(...LEGACY_ROLES),
    default: 'samserver',
    text: 'Who writes the collections of the old server and notifies the panel, until `PUT /api/v1/ops/legacy-roles` changes it for the first time: `old` while the old server runs beside this service, which then does neither.',
  }),
};

export const CREW_EVENT_SETTINGS = {
  CREW_EVENTS: setting({
    type: type.oneOf('on', 'off'),
    default: 'on',
    text: '`on` detects vehicles that go offline, exceed a speed or are near their destination. One instance does this for all.',
  }),
  CREW_OFFLINE_AFTER_S: setting({
    type: type.integer(1, 86_400),
    default: '60',
    unit: 's',
    text: 'Time without a position after which a vehicle is offline.',
  }),
  CREW_SPEED_ORANGE_KMH: setting({
    type: type.integer(1, 500),
    default: '80',
    unit: 'km/h',
    text: 'Speed that separates `SPEED_ABOVE_80` from `SPEED_BELOW_80`: the average for watchers, the momentary one for the panel.',
  }),
  CREW_SPEED_RED_KMH: setting({
    type: type.integer(1, 500),
    default: '120',
    unit: 'km/h',
    text: 'Speed that separates `SPEED_ABOVE_120` from `SPEED_BELOW_120`, as above. Must be above `CREW_SPEED_ORANGE_KMH`.',
  }),
  CREW_NEAR_ARRIVAL_MINUTES: setting({
    type: type.integer(1, 1_440),
    default: '10',
    unit: 'min',
    text: 'Travel time to the destination of its request below which a vehicle is near arrival. For the panel, this time itself and an unknown time count too.',
  }),
  CREW_NEAR_ARRIVAL_STATUSES: setting({
    type: type.words,
    default: null,
    defaultText: 'every status except `COMPLETED` and `CANCELED`',
    text: 'Values of `request_status` with which near arrival is shown to watchers.',
  }),
  CREW_NOTIFY_MAX_AGE_S: setting({
    type: type.integer(1, 86_400),
    default: '300',
    unit: 's',
    text: 'Age of a crew event above which it is stored and shown as late, and not sent to the panel.',
  }),
  PANEL_NOTIFICATION_URL: setting({
    type: type.webAddress,
    default: null,
    defaultText: 'none, no notification is sent',
    text: 'Route of the panel for these events, as in `http://panel/api/notification/postAmbulanceSpeedNotification`.',
  }),
  PANEL_NEAR_ARRIVAL_STATUSES: setting({
    type: type.words,
    default: 'COME_BACK_TO_BASE_HOSPITAL,ARRIVAL_AT_BASE_HOSPITAL',
    text: 'Values of `request_status` with which near arrival is sent to the panel, as the old server did.',
  }),
  PANEL_TIMEOUT_MS: setting({
    type: type.integer(100, 60_000),
    default: '5000',
    unit: 'ms',
    text: 'Time limit of the panel for the answer to a notification.',
  }),
  PANEL_GIVE_UP_AFTER_S: setting({
    type: type.integer(1, 604_800),
    default: '3600',
    unit: 's',
    text: 'Time for which a notification is retried. After it, the notification is dead.',
  }),
  GOOGLE_MAP_KEY: setting({
    type: type.secret(8),
    default: null,
    defaultText: 'none, the great-circle distance is used',
    text: 'Key of the Google Routes API, which gives the travel time to a destination.',
    isSecret: true,
  }),
};
