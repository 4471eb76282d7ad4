/** The HTTP status of each kind of error. A socket's acknowledgement carries the code alone. */
export const STATUS_BY_KIND = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  'request-timeout': 408,
  conflict: 409,
  'precondition-failed': 412,
  'too-large': 413,
  unsupported: 415,
  'range-not-satisfiable': 416,
  'expectation-failed': 417,
  'too-many': 429,
  'headers-too-large': 431,
  internal: 500,
  unavailable: 503,
  'storage-full': 507,
} as const;

export type ErrorKind = keyof typeof STATUS_BY_KIND;

/**
 * Every code that an error answer can carry, over HTTP or on a socket: `DomainError` takes no other, OpenAPI and
 * AsyncAPI take status and sentence from here, and `docs/errors.md` is compared with it.
 */
export const ERROR_CODES = {
  'auth/bad-credentials': {
    kind: 'unauthenticated',
    text: 'E-mail address or password is wrong; which of them is not said.',
  },
  'auth/busy': {
    kind: 'unavailable',
    text: 'Too many log-ins at this moment; try again after `Retry-After`.',
  },
  'auth/current-password-wrong': {
    kind: 'invalid',
    text: 'The password was not changed: the current one is wrong.',
  },
  'auth/forbidden': { kind: 'forbidden', text: 'The token is good and may not do that.' },
  'auth/other-user': { kind: 'forbidden', text: "A socket showed a new token that is another user's." },
  'auth/session-revoked': {
    kind: 'unauthenticated',
    text: 'The session was ended, or a refresh token came back that had been replaced.',
  },
  'auth/token-expired': { kind: 'unauthenticated', text: 'Get a new access token with the refresh token.' },
  'auth/token-invalid': { kind: 'unauthenticated', text: 'Malformed, forged, unknown or revoked.' },
  'auth/token-missing': {
    kind: 'unauthenticated',
    text: 'No `Authorization: Bearer` header, or no `auth.token` at a socket.',
  },
  'auth/too-many-attempts': {
    kind: 'too-many',
    text: 'Too many wrong guesses from this address; `Retry-After` says for how long. The account itself is never locked.',
  },
  'crashes/not-found': { kind: 'not-found', text: 'There is no such crash report.' },
  'credentials/not-found': { kind: 'not-found', text: 'The vehicle has no such credential.' },
  'http/bad-request': { kind: 'invalid', text: 'The body is not JSON, or the request no HTTP/1.1.' },
  'http/body-too-large': { kind: 'too-large', text: 'The body is over 2 MB.' },
  'http/expectation-failed': {
    kind: 'expectation-failed',
    text: '`Expect` holds something else than `100-continue`.',
  },
  'http/headers-too-large': {
    kind: 'headers-too-large',
    text: 'The request line and headers are over 16 kB.',
  },
  'http/not-found': {
    kind: 'not-found',
    text: 'There is no such path, or the path does not take this method.',
  },
  'http/range-not-satisfiable': { kind: 'range-not-satisfiable', text: 'The range lies outside the file.' },
  'http/request-timeout': {
    kind: 'request-timeout',
    text: 'Headers not complete within 15 s, or the whole request within 120 s.',
  },
  'http/unsupported-media-type': {
    kind: 'unsupported',
    text: 'The body is not JSON by its `Content-Type`, or its encoding or character set is not understood.',
  },
  'images/busy': {
    kind: 'unavailable',
    text: 'Too many pictures wait to be looked at; send the same again.',
  },
  'images/damaged': { kind: 'invalid', text: 'The picture is cut off or cannot be decoded.' },
  'images/no-file': {
    kind: 'invalid',
    text: 'The body is not one `multipart/form-data` part named `file`, or it ended early.',
  },
  'images/no-thumbnail': {
    kind: 'unsupported',
    text: 'No thumbnail can be made of this picture (HEIC); its content can be fetched.',
  },
  'images/not-a-picture': {
    kind: 'unsupported',
    text: 'The content is no JPEG, PNG, WebP, HEIC or AVIF, whatever its name says.',
  },
  'images/not-found': { kind: 'not-found', text: 'There is no such picture.' },
  'images/quota-exceeded': {
    kind: 'storage-full',
    text: 'The pictures of this vehicle take all the space that one vehicle may have.',
  },
  'images/too-large': {
    kind: 'too-large',
    text: 'The picture is over the limit (`IMAGE_MAX_BYTES`, 15 MB).',
  },
  'images/too-many-pixels': {
    kind: 'too-large',
    text: 'Width times height is over the limit (`IMAGE_MAX_PIXELS`).',
  },
  'images/volume-full': {
    kind: 'storage-full',
    text: 'Too little space is left for pictures; tell the operator, keep the picture.',
  },
  'images/volume-unavailable': {
    kind: 'unavailable',
    text: 'The place where pictures are kept is missing or not the right one; send the same again later.',
  },
  'input/invalid': { kind: 'invalid', text: '`errors` names each field and its limit.' },
  'input/unknown-event': {
    kind: 'invalid',
    text: 'On a socket: nobody listens to an event of this name there.',
  },
  internal: {
    kind: 'internal',
    text: 'A fault of ours, in the log under the request id. Devices send the same again, later each time.',
  },
  'live/busy': {
    kind: 'unavailable',
    text: 'Devices need all there is just now; watch again after `retryAfterMs`.',
  },
  'notifications/not-dead': {
    kind: 'conflict',
    text: 'Only a notification of the panel that was given up can be sent again.',
  },
  'notifications/not-found': { kind: 'not-found', text: 'There is no such notification of the panel.' },
  'ops/draining': { kind: 'conflict', text: 'The instance drains already, so it hands nothing over.' },
  'positions/overloaded': {
    kind: 'unavailable',
    text: 'Too many positions wait to be written; send the same again.',
  },
  'quarantine/not-found': { kind: 'not-found', text: 'There is no such quarantined position.' },
  'sockets/not-ready': {
    kind: 'unavailable',
    text: 'The instance takes no new sockets just now (it starts, or drains); connect again.',
  },
  'storage/unavailable': {
    kind: 'unavailable',
    text: 'The database did not confirm it; send the same again.',
  },
  'users/busy': {
    kind: 'unavailable',
    text: 'Users are being changed by somebody else at this moment; try again.',
  },
  'users/email-taken': { kind: 'conflict', text: 'Another user has this e-mail address.' },
  'users/last-admin': {
    kind: 'conflict',
    text: 'The last admin can be neither deleted nor given another role.',
  },
  'users/not-found': { kind: 'not-found', text: 'There is no such user.' },
  'vehicles/box-code-taken': { kind: 'conflict', text: 'Another vehicle has this box code.' },
  'vehicles/busy': {
    kind: 'unavailable',
    text: 'The vehicle is being changed by too many at once; try again.',
  },
  'vehicles/call-sign-taken': {
    kind: 'conflict',
    text: 'Another vehicle has this call sign, whatever its case.',
  },
  'vehicles/not-found': { kind: 'not-found', text: 'There is no such vehicle.' },
  'vehicles/other-vehicle': { kind: 'forbidden', text: 'The device token belongs to another vehicle.' },
  'vehicles/registration-taken': {
    kind: 'conflict',
    text: 'Another vehicle has this registration, whatever its case.',
  },
  'vehicles/version-mismatch': {
    kind: 'precondition-failed',
    text: 'The vehicle has changed since the version that `If-Match` names; read it again.',
  },
} as const satisfies Record<string, { readonly kind: ErrorKind; readonly text: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export const statusOfCode = (code: ErrorCode): number => STATUS_BY_KIND[ERROR_CODES[code].kind];
