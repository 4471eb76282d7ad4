import { DomainError } from '../core/index.js';

/** The same for an unknown address and a wrong password, so that it does not show which accounts exist. */
export const badCredentials = (): DomainError =>
  new DomainError('auth/bad-credentials', 'E-mail address or password is wrong.');

/** Not 401: the session is valid, and a client would drop it on a 401. */
export const currentPasswordWrong = (): DomainError =>
  new DomainError('auth/current-password-wrong', 'The current password is wrong.', {
    errors: [{ path: 'currentPassword', message: 'currentPassword is not the current password' }],
  });

export const tokenMissing = (): DomainError =>
  new DomainError('auth/token-missing', 'A token is needed: Authorization: Bearer <token>.');

export const tokenInvalid = (): DomainError =>
  new DomainError('auth/token-invalid', 'The token is not valid here.');

export const tokenExpired = (): DomainError =>
  new DomainError('auth/token-expired', 'The token has expired; get a new one.');

export const sessionRevoked = (): DomainError =>
  new DomainError('auth/session-revoked', 'This session has ended; log in again.');

const NEEDED_TOKENS: Readonly<Record<string, string>> = {
  viewer: 'the access token of a user',
  dispatcher: 'the access token of a dispatcher or an admin',
  admin: 'the access token of an admin',
  device: 'the device token of the vehicle',
  operator: 'the ops token',
  scraper: 'the ops token',
};

/** @param access of the handler: a role, a kind of token, or several with `|` between them */
export const notAllowed = (access: string): DomainError => {
  const needed = access.split('|').map((each) => NEEDED_TOKENS[each] ?? each);
  return new DomainError('auth/forbidden', `This call needs ${needed.join(' or ')}.`);
};

export const tooManyAttempts = (retryAfterMs: number): DomainError =>
  new DomainError(
    'auth/too-many-attempts',
    'Too many failed attempts from this address; wait before the next one.',
    { retryAfterMs },
  );

export const authBusy = (): DomainError =>
  new DomainError('auth/busy', 'Too many log-ins at this moment; try again shortly.', {
    retryAfterMs: 2_000,
  });

export const credentialNotFound = (): DomainError =>
  new DomainError('credentials/not-found', 'This vehicle has no such credential.');

export const userNotFound = (): DomainError => new DomainError('users/not-found', 'There is no such user.');

export const emailTaken = (): DomainError =>
  new DomainError('users/email-taken', 'Another user has this e-mail address.');

export const lastAdmin = (): DomainError =>
  new DomainError('users/last-admin', 'This is the last admin: one admin must remain to manage users.');

export const usersBusy = (): DomainError =>
  new DomainError(
    'users/busy',
    'Users were changed by another request at the same moment; try again shortly.',
    {
      retryAfterMs: 1_000,
    },
  );
