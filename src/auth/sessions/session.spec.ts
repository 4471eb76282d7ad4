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
    ['one of the user’s present count', {}, {}, false],
    ['one that was revoked itself', { isRevoked: true }, {}, true],
    ['one of a former count', {}, { sessionEpoch: 4 }, true],
    ['the one that was kept', {}, { sessionEpoch: 4, keptSessionId: 's' }, false],
    ['the one that was kept and then revoked', { isRevoked: true }, { keptSessionId: 's' }, true],
    ['one beside the kept one', {}, { sessionEpoch: 4, keptSessionId: 'other' }, true],
    ['somebody else’s', {}, { id: 'v' }, true],
  ])('%s', (_what, ofSession, ofUser, expected) =>
    expect(isEnded({ ...session, ...ofSession }, { ...user, ...ofUser })).toBe(expected),
  );
});
