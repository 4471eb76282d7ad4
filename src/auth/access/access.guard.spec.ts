import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ForDevice, ForOperators, ForRole, ForScrapers, Public } from './access.decorators.js';
import { AccessGuard } from './access.guard.js';
import type { AccessTokensService } from './access-tokens.service.js';
import type { Settings } from '../../config/index.js';
import { CallContext } from './call-context.js';
import type { DeviceCredentialsService } from '../devices/device-credentials.service.js';
import { OpsTokens } from './ops-tokens.js';
import type { OperatorPrincipal, Principal, Role } from './principal.js';

class Handlers {
  undecorated(): void {}
  @Public()
  open(): void {}
  @ForDevice()
  device(): void {}
  @ForRole('viewer')
  viewer(): void {}
  @ForRole('dispatcher')
  dispatcher(): void {}
  @ForRole('admin')
  admin(): void {}
  @ForOperators()
  operator(): void {}
  @ForScrapers()
  scraper(): void {}
}

@ForRole('admin')
class Closed {
  undecorated(): void {}
  @Public()
  open(): void {}
}

const user = (role: Role): Principal => ({ kind: 'user', userId: 'u', email: '', role, sessionId: 's' });
const device: Principal = { kind: 'device', vehicleId: 'v', credentialId: 'c' };
const operator: OperatorPrincipal = { kind: 'operator' };
const opsToken = 'an_ops_token_of_thirty-two_bytes';
const deviceToken = `${'a'.repeat(24)}.${'b'.repeat(43)}`;

type Caller = Principal | OperatorPrincipal;

async function isAdmitted(
  handlers: object,
  name: string,
  principal: Caller | null,
  ip = '203.0.113.9',
): Promise<boolean> {
  const token = { device: deviceToken, operator: opsToken, user: 'jwt' }[principal?.kind ?? 'user'];
  const guard = new AccessGuard(
    new Reflector(),
    { verify: () => Promise.resolve(principal) } as unknown as AccessTokensService,
    { verify: () => Promise.resolve(principal) } as unknown as DeviceCredentialsService,
    new OpsTokens({
      auth: { opsTokens: ['another one', opsToken] },
      metrics: { allowFrom: ['192.0.2.7', '2001:db8:0::1', '::ffff:192.0.2.9'] },
    } as unknown as Settings),
    new CallContext(),
  );
  const context = {
    getType: () => 'http',
    getClass: () => handlers.constructor,
    getHandler: () => (handlers as Record<string, unknown>)[name],
    switchToHttp: () => ({
      getRequest: () => ({ ip, get: () => (principal ? `Bearer ${token}` : undefined) }),
    }),
  } as unknown as ExecutionContext;
  return guard.canActivate(context).catch(() => false);
}

describe('AccessGuard', () => {
  it.each([
    ['undecorated', []],
    ['open', ['anonymous', 'viewer', 'dispatcher', 'admin', 'device', 'operator']],
    ['device', ['device']],
    ['viewer', ['viewer', 'dispatcher', 'admin']],
    ['dispatcher', ['dispatcher', 'admin']],
    ['admin', ['admin']],
    ['operator', ['operator']],
    ['scraper', ['operator']],
  ])('allows these callers for a handler with access %s: %j', async (name, expected) => {
    const callers: [string, Caller | null][] = [
      ['anonymous', null],
      ['viewer', user('viewer')],
      ['dispatcher', user('dispatcher')],
      ['admin', user('admin')],
      ['device', device],
      ['operator', operator],
    ];
    const admitted: string[] = [];
    for (const [who, principal] of callers) {
      if (await isAdmitted(new Handlers(), name, principal)) admitted.push(who);
    }
    expect(admitted).toEqual(expected);
  });

  it('uses the decorator of the handler, and without one that of the controller', async () => {
    expect(await isAdmitted(new Closed(), 'undecorated', user('dispatcher'))).toBe(false);
    expect(await isAdmitted(new Closed(), 'undecorated', user('admin'))).toBe(true);
    expect(await isAdmitted(new Closed(), 'open', null)).toBe(true);
  });

  it.each([
    ['192.0.2.7', true],
    ['::ffff:192.0.2.7', true],
    ['::FFFF:c000:207', true],
    ['192.0.2.9', true],
    ['2001:db8::1', true],
    ['2001:db8::1%eth0', true],
    ['192.0.2.8', false],
    ['192.0.2.70', false],
    ['2001:db8::2', false],
    ['::192.0.2.7', false],
    ['', false],
    ['unknown', false],
  ])('recognizes a scraper by its address: %s %s', async (ip, expected) => {
    expect(await isAdmitted(new Handlers(), 'scraper', null, ip)).toBe(expected);
    expect(await isAdmitted(new Handlers(), 'operator', null, ip)).toBe(false);
  });
});
