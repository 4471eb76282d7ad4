/**
 * Every code that an error answer can carry, over HTTP or on a socket: `DomainError` takes no other, OpenAPI and
 * AsyncAPI take status and sentence from here, and `docs/errors.md` is compared with it.
 */
export const ERROR_CODES = {
  'auth/bad-credentials': {
    status: 401,
    meaning: 'E-mail address or password is wrong; which of them is not said.',
  },
  'auth/busy': { status: 503, meaning: 'Too many log-ins at this moment; try again after `Retry-After`.' },
  'auth/current-password-wrong': {
    status: 400,
    meaning: 'The password was not changed: the current one is wrong.',
  },
  'auth/forbidden': { status: 403, meaning: 'The token is good and may not do that.' },
  'auth/other-user': { status: 403, meaning: "A socket showed a new token that is another user's." },
  'auth/session-revoked': {
    status: 401,
    meaning: 'The session was ended, or a refresh token came back that had been replaced.',
  },
  'auth/token-expired': { status: 401, meaning: 'Get a new access token with the refresh token.' },
  'auth/token-invalid': { status: 401, meaning: 'Malformed, forged, unknown or revoked.' },
  'auth/token-missing': {
    status: 401,
    meaning: 'No `Authorization: Bearer` header, or no `auth.token` at a socket.',
  },
  'auth/too-many-attempts': {
    status: 429,
    meaning:
      'Too many wrong guesses from this address; `Retry-After` says for how long. The account itself is never locked.',
  },
  'crashes/not-found': { status: 404, meaning: 'There is no such crash report.' },
  'credentials/not-found': { status: 404, meaning: 'The vehicle has no such credential.' },
  'http/bad-request': { status: 400, meaning: 'The body is not JSON, or the request no HTTP/1.1.' },
  'http/body-too-large': { status: 413, meaning: 'The body is over 2 MB.' },
  'http/expectation-failed': { status: 417, meaning: '`Expect` holds something else than `100-continue`.' },
  'http/headers-too-large': { status: 431, meaning: 'The request line and headers are over 16 kB.' },
  'http/not-found': { status: 404, meaning: 'There is no such path, or the path does not take this method.' },
  'http/range-not-satisfiable': { status: 416, meaning: 'The range lies outside the file.' },
  'http/request-timeout': {
    status: 408,
    meaning: 'Headers not complete within 15 s, or the whole request within 120 s.',
  },
  'http/unsupported-media-type': {
    status: 415,
    meaning:
      'The body is not JSON by its `Content-Type`, or its encoding or character set is not understood.',
  },
  'images/busy': { status: 503, meaning: 'Too many pictures wait to be looked at; send the same again.' },
  'images/damaged': { status: 400, meaning: 'The picture is cut off or cannot be decoded.' },
  'images/no-file': {
    status: 400,
    meaning: 'The body is not one `multipart/form-data` part named `file`, or it ended early.',
  },
  'images/no-thumbnail': {
    status: 415,
    meaning: 'No thumbnail can be made of this picture (HEIC); its content can be fetched.',
  },
  'images/not-a-picture': {
    status: 415,
    meaning: 'The content is no JPEG, PNG, WebP, HEIC or AVIF, whatever its name says.',
  },
  'images/not-found': { status: 404, meaning: 'There is no such picture.' },
  'images/quota-exceeded': {
    status: 507,
    meaning: 'The pictures of this vehicle take all the space that one vehicle may have.',
  },
  'images/too-large': { status: 413, meaning: 'The picture is over the limit (`IMAGE_MAX_BYTES`, 15 MB).' },
  'images/too-many-pixels': {
    status: 413,
    meaning: 'Width times height is over the limit (`IMAGE_MAX_PIXELS`).',
  },
  'images/volume-full': {
    status: 507,
    meaning: 'Too little space is left for pictures; tell the operator, keep the picture.',
  },
  'images/volume-unavailable': {
    status: 503,
    meaning: 'The place where pictures are kept is missing or not the right one; send the same again later.',
  },
  'input/invalid': { status: 400, meaning: '`errors` names each field and its limit.' },
  'input/unknown-event': {
    status: 400,
    meaning: 'On a socket: nobody listens to an event of this name there.',
  },
  internal: {
    status: 500,
    meaning:
      'A fault of ours, in the log under the request id. Devices send the same again, later each time.',
  },
  'live/busy': {
    status: 503,
    meaning: 'Devices need all there is just now; watch again after `retryAfterMs`.',
  },
  'notifications/not-dead': {
    status: 409,
    meaning: 'Only a notification of the panel that was given up can be sent again.',
  },
  'notifications/not-found': { status: 404, meaning: 'There is no such notification of the panel.' },
  'ops/draining': { status: 409, meaning: 'The instance drains already, so it hands nothing over.' },
  'positions/overloaded': {
    status: 503,
    meaning: 'Too many positions wait to be written; send the same again.',
  },
  'quarantine/not-found': { status: 404, meaning: 'There is no such quarantined position.' },
  'sockets/not-ready': {
    status: 503,
    meaning: 'The instance takes no new sockets just now (it starts, or drains); connect again.',
  },
  'storage/unavailable': { status: 503, meaning: 'The database did not confirm it; send the same again.' },
  'users/busy': {
    status: 503,
    meaning: 'Users are being changed by somebody else at this moment; try again.',
  },
  'users/email-taken': { status: 409, meaning: 'Another user has this e-mail address.' },
  'users/last-admin': {
    status: 409,
    meaning: 'The last admin can be neither deleted nor given another role.',
  },
  'users/not-found': { status: 404, meaning: 'There is no such user.' },
  'vehicles/box-code-taken': { status: 409, meaning: 'Another vehicle has this box code.' },
  'vehicles/busy': { status: 503, meaning: 'The vehicle is being changed by too many at once; try again.' },
  'vehicles/call-sign-taken': {
    status: 409,
    meaning: 'Another vehicle has this call sign, whatever its case.',
  },
  'vehicles/not-found': { status: 404, meaning: 'There is no such vehicle.' },
  'vehicles/other-vehicle': { status: 403, meaning: 'The device token belongs to another vehicle.' },
  'vehicles/registration-taken': {
    status: 409,
    meaning: 'Another vehicle has this registration, whatever its case.',
  },
  'vehicles/version-mismatch': {
    status: 412,
    meaning: 'The vehicle has changed since the version that `If-Match` names; read it again.',
  },
} as const satisfies Record<string, { readonly status: number; readonly meaning: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
