import { describe, expect, it } from '@jest/globals';
import { UnavailableError, UsageError } from '../../core/commands/index.js';
import { requireOwnTargets } from './own-targets.js';

const here = new Set(['10.1.2.3', 'fd00::7']);
const check = (url: string, addresses: readonly string[], owned: readonly string[] = []): Promise<void> =>
  requireOwnTargets([url], owned, () => Promise.resolve(addresses), here);

describe('requireOwnTargets', () => {
  it.each([
    ['http://localhost:5000', ['127.0.0.1', '::1']],
    ['http://127.8.9.10:5000', ['127.8.9.10']],
    ['http://[::1]:5000', ['::1']],
    ['http://mapped.test', ['::ffff:127.0.0.1']],
    ['http://samserver.test', ['10.1.2.3', 'fd00::7']],
  ])('allows %s at %j', async (url, addresses) => {
    await expect(check(url, addresses)).resolves.toBeUndefined();
  });

  it.each([
    ['http://other.test:5000', ['10.1.2.4'], 'other.test is 10.1.2.4'],
    ['http://other.test:5000', ['127.0.0.1', '192.0.2.1'], '192.0.2.1'],
    ['http://mapped.test', ['::ffff:192.0.2.1'], '192.0.2.1'],
    ['http://[2001:db8::1]:5000', ['2001:db8::1'], '--i-own-this 2001:db8::1'],
    ['http://0.0.0.0:5000', ['0.0.0.0'], '0.0.0.0'],
  ])('refuses %s at %j', async (url, addresses, text) => {
    const refusal = check(url, addresses);
    await expect(refusal).rejects.toThrow(UsageError);
    await expect(refusal).rejects.toThrow(text);
  });

  it('allows a host that the user names, and no other one', async () => {
    await expect(check('http://other.test:5000', ['192.0.2.1'], ['other.test'])).resolves.toBeUndefined();
    await expect(check('http://third.test:5000', ['192.0.2.1'], ['other.test'])).rejects.toThrow(UsageError);
  });

  it('resolves names itself', async () => {
    await expect(requireOwnTargets(['http://localhost:1'], [])).resolves.toBeUndefined();
    await expect(requireOwnTargets(['http://no-such-name.invalid'], [])).rejects.toThrow(UnavailableError);
  });
});
