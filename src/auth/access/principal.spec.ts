import { describe, expect, it } from '@jest/globals';
import { isRevokedBy, type Principal } from './principal.js';

const user: Principal = { kind: 'user', userId: 'u', email: '', role: 'viewer', sessionId: 's' };
const device: Principal = { kind: 'device', vehicleId: 'v', credentialId: 'c' };

describe('isRevokedBy', () => {
  it.each([
    [{ credentialId: 'c' }, [device]],
    [{ credentialId: 'other' }, []],
    [{ sessionId: 's' }, [user]],
    [{ sessionId: 'other' }, []],
    [{ userId: 'u' }, [user]],
    [{ userId: 'u', keptSessionId: 's' }, []],
    [{ userId: 'u', keptSessionId: 'other' }, [user]],
    [{ userId: 'other' }, []],
  ])('%j', (revocation, hit) =>
    expect([user, device].filter((principal) => isRevokedBy(principal, revocation))).toEqual(hit),
  );
});
