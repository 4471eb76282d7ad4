import { describe, expect, it } from '@jest/globals';
import { isEnded, type LoginSession } from './session.js';
import type { UserAccount } from '../users/user.js';

const session: LoginSession = {
  id: 's',
  userId: 'u',
  salt: '',
  generation: 1,
  epoch: 3,
  rotatedAtMs: 0,
  expiresAtMs: 1,
  isRevoked: false,
};
const user: UserAccount = {
  id: 'u',
  email: '',
  name: '',
  role: 'viewer',
  passwordHash: '',
  version: 0,
  sessionEpoch: 3,
  keptSessionId: null,
  createdAt: new Date(0),
  updatedAt: new Date(0),
};

describe('isEnded', () => {
  it.each([
    ['a session of the current epoch', {}, {}, false],
    ['a session that was revoked', { isRevoked: true }, {}, true],
    ['a session of an earlier epoch', {}, { sessionEpoch: 4 }, true],
    ['the kept session', {}, { sessionEpoch: 4, keptSessionId: 's' }, false],
    ['the kept session, revoked later', { isRevoked: true }, { keptSessionId: 's' }, true],
    ['another session than the kept one', {}, { sessionEpoch: 4, keptSessionId: 'other' }, true],
    ['a session of another user', {}, { id: 'v' }, true],
  ])('%s', (_what, ofSession, ofUser, expected) =>
    expect(isEnded({ ...session, ...ofSession }, { ...user, ...ofUser })).toBe(expected),
  );
});
