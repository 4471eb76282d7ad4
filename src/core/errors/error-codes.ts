/** The HTTP status of each kind of error. The acknowledgement of a socket has the code only. */
export const STATUS_BY_KIND = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
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
 * Every code that an error can carry, over HTTP and on sockets. `DomainError` accepts no other code. OpenAPI, AsyncAPI
 * and `docs/errors.md` (`npm run docs`) take status and text from this table.
 */
export const ERROR_CODES = {
  'auth/bad-credentials': {
    kind: 'unauthenticated',
    text: 'The e-mail address or the password is wrong. The answer does not say which.',
  },
  'auth/busy': {
    kind: 'unavailable',
    text: 'Too many log-ins are in progress. Try again after `Retry-After`.',
  },
  'auth/current-password-wrong': {
    kind: 'invalid',
    text: 'The current password is wrong; the password is not changed.',
  },
  'auth/forbidden': {
    kind: 'forbidden',
    text: 'The token is valid but does not permit this call.',
  },
  'auth/other-user': { kind: 'forbidden', text: 'The new token of a socket belongs to another user.' },
  'auth/session-revoked': {
    kind: 'unauthenticated',
    text: 'The session has ended, or a refresh token was used again after it was replaced.',
  },
  'auth/token-expired': {
    kind: 'unauthenticated',
    text: 'The access token has expired. Get a new one with the refresh token.',
  },
  'auth/token-invalid': {
    kind: 'unauthenticated',
    text: 'The token is malformed, forged, unknown or revoked.',
  },
  'auth/token-missing': {
    kind: 'unauthenticated',
    text: 'The header `Authorization: Bearer` is missing, or `auth.token` of a socket.',
  },
  'auth/too-many-attempts': {
    kind: 'too-many',
    text: 'Too many failed log-ins from this address. Try again after `Retry-After`. The account itself is never locked.',
  },
  'crashes/not-found': { kind: 'not-found', text: 'The crash report does not exist.' },
  'credentials/not-found': { kind: 'not-found', text: 'The vehicle does not have this credential.' },
  'http/bad-request': {
    kind: 'invalid',
    text: 'The body is not JSON or has too many levels, values or field names, or the request is not HTTP/1.1.',
  },
  'http/body-too-large': {
    kind: 'too-large',
    text: 'The body is over the limit of the route: 2 MB for positions, 16 kB for everything else.',
  },
  'http/busy': {
    kind: 'unavailable',
    text: 'Too many request bodies are in progress (`IN_FLIGHT_MAX_BYTES`). Send the same request again after `Retry-After`.',
  },
  'http/expectation-failed': {
    kind: 'expectation-failed',
    text: 'The header `Expect` has another value than `100-continue`.',
  },
  'http/headers-too-large': {
    kind: 'headers-too-large',
    text: 'The request line and the headers together are over 16 kB.',
  },
  'http/method-not-allowed': {
    kind: 'method-not-allowed',
    text: 'The path does not support this method. The header `Allow` lists the methods that it supports.',
  },
  'http/not-found': { kind: 'not-found', text: 'The path does not exist.' },
  'http/range-not-satisfiable': { kind: 'range-not-satisfiable', text: 'The range is outside of the file.' },
  'http/request-timeout': {
    kind: 'request-timeout',
    text: 'The headers did not arrive within 15 s, or the request within 120 s.',
  },
  'http/too-many-bytes': {
    kind: 'too-many',
    text: 'The caller sends more JSON than `JSON_BYTES_PER_S` allows. Send the same request again after `Retry-After`.',
  },
  'http/unsupported-media-type': {
    kind: 'unsupported',
    text: 'The `Content-Type` of the body is not JSON, its character set is not UTF-8, or it has a `Content-Encoding`: bodies are not inflated.',
  },
  'images/busy': {
    kind: 'unavailable',
    text: 'Too many pictures wait for processing. Send the same picture again.',
  },
  'images/damaged': { kind: 'invalid', text: 'The picture is truncated or cannot be decoded.' },
  'images/no-file': {
    kind: 'invalid',
    text: 'The body is not one `multipart/form-data` part named `file`, or it ended early.',
  },
  'images/no-thumbnail': {
    kind: 'unsupported',
    text: 'The service makes no thumbnail of this format (HEIC). The content itself is available.',
  },
  'images/not-a-picture': {
    kind: 'unsupported',
    text: 'The content is not JPEG, PNG, WebP, HEIC or AVIF. The file name does not count.',
  },
  'images/not-found': { kind: 'not-found', text: 'The picture does not exist.' },
  'images/quota-exceeded': {
    kind: 'storage-full',
    text: 'The pictures of this vehicle have reached the limit of one vehicle (`IMAGE_VEHICLE_QUOTA_BYTES`).',
  },
  'images/too-large': {
    kind: 'too-large',
    text: 'The picture is over the limit (`IMAGE_MAX_BYTES`, 15 MB by default).',
  },
  'images/too-many-pixels': {
    kind: 'too-large',
    text: 'Width times height is over the limit (`IMAGE_MAX_PIXELS`), or over 1,000 pixels for each byte of the file.',
  },
  'images/volume-full': {
    kind: 'storage-full',
    text: 'The picture volume has too little free space. Keep the picture and inform the operator.',
  },
  'images/volume-unavailable': {
    kind: 'unavailable',
    text: 'The picture volume is missing or belongs to another deployment. Send the same picture again later.',
  },
  'input/invalid': {
    kind: 'invalid',
    text: 'A field is invalid. `errors` names each invalid field and its limit.',
  },
  'input/not-json': {
    kind: 'invalid',
    text: 'The event is not JSON: NaN and Infinity are no JSON numbers. Leave such a field out.',
  },
  'input/unknown-event': { kind: 'invalid', text: 'The socket namespace has no event of this name.' },
  internal: {
    kind: 'internal',
    text: 'Unexpected error of the service; the log has it under the request id. Devices send the same again, with growing delay.',
  },
  'live/busy': {
    kind: 'unavailable',
    text: 'The service serves devices first and takes no new subscription now. Subscribe again after `retryAfterMs`.',
  },
  'notifications/not-dead': {
    kind: 'conflict',
    text: 'The notification is not dead. Only a dead notification can be sent again.',
  },
  'notifications/not-found': { kind: 'not-found', text: 'The panel notification does not exist.' },
  'ops/draining': {
    kind: 'conflict',
    text: 'The instance is already draining, so a handover is not possible.',
  },
  'ops/legacy-roles-changed': {
    kind: 'conflict',
    text: 'The role beside the old server has another epoch than the request names. Read it and decide again.',
  },
  'positions/overloaded': {
    kind: 'unavailable',
    text: 'Too many positions wait to be written. Send the same positions again.',
  },
  'positions/too-many': {
    kind: 'too-many',
    text: 'The device sends more than `SOCKET_EVENTS_PER_S` allows. Send the same positions again after `Retry-After`.',
  },
  'quarantine/not-found': { kind: 'not-found', text: 'The quarantined position does not exist.' },
  'sockets/not-ready': {
    kind: 'unavailable',
    text: 'The instance is starting or draining and accepts no new sockets. Connect again.',
  },
  'sockets/too-many': {
    kind: 'unavailable',
    text: 'Too many connections of this address have joined no namespace. Connect again.',
  },
  'storage/unavailable': {
    kind: 'unavailable',
    text: 'The database did not confirm the operation. Send the same request again.',
  },
  'users/busy': { kind: 'unavailable', text: 'Another change of users is in progress. Try again.' },
  'users/email-taken': { kind: 'conflict', text: 'Another user has this e-mail address.' },
  'users/last-admin': {
    kind: 'conflict',
    text: 'The last admin cannot be deleted and cannot get another role.',
  },
  'users/not-found': { kind: 'not-found', text: 'The user does not exist.' },
  'vehicles/box-code-taken': { kind: 'conflict', text: 'Another vehicle has this box code.' },
  'vehicles/busy': {
    kind: 'unavailable',
    text: 'Too many changes of this vehicle are in progress. Try again.',
  },
  'vehicles/call-sign-taken': {
    kind: 'conflict',
    text: 'Another vehicle has this call sign; upper and lower case count as the same.',
  },
  'vehicles/not-found': { kind: 'not-found', text: 'The vehicle does not exist.' },
  'vehicles/other-vehicle': { kind: 'forbidden', text: 'The device token belongs to another vehicle.' },
  'vehicles/registration-taken': {
    kind: 'conflict',
    text: 'Another vehicle has this registration; upper and lower case count as the same.',
  },
  'vehicles/version-mismatch': {
    kind: 'precondition-failed',
    text: 'The vehicle has changed since the version in `If-Match`. Read it again.',
  },
} as const satisfies Record<string, { readonly kind: ErrorKind; readonly text: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export const statusOfCode = (code: ErrorCode): number => STATUS_BY_KIND[ERROR_CODES[code].kind];
