import { describe, expect, it } from '@jest/globals';
import { isEnded, type LoginSession, rotationsInGrace } from './session.js';
import type { UserAccount } from '../users/user.js';

const session: LoginSession = {
  id: 's',
  userId: 'u',
  salt: '',
  generation: 1,
  epoch: 3,
  rotatedAtMs: 0,
  recentRotations: [],
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

describe('rotationsInGrace', () => {
  const generations = (change: Partial<LoginSession>, nowMs: number) =>
    rotationsInGrace({ ...session, ...change }, nowMs).map(({ generation }) => generation);
  const recentRotations = [
    { generation: 4, atMs: 1_000 },
    { generation: 5, atMs: 20_000 },
    { generation: 6, atMs: 25_000 },
  ];

  it('has each rotation of the last 30 s', () => {
    const rotated = { generation: 7, rotatedAtMs: 25_000, recentRotations };
    expect(generations(rotated, 31_000)).toEqual([4, 5, 6]);
    expect(generations(rotated, 31_001)).toEqual([5, 6]);
    expect(generations(rotated, 55_001)).toEqual([]);
  });

  it('has the last rotation by an instance of an earlier release, which keeps the list as it was', () => {
    const rotated = { generation: 9, rotatedAtMs: 30_000, recentRotations };
    expect(generations(rotated, 31_000)).toEqual([4, 5, 6, 8]);
    expect(generations({ generation: 2, rotatedAtMs: 30_000 }, 31_000)).toEqual([1]);
  });
});
