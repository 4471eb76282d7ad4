import { describe, expect, it } from '@jest/globals';
import { SecretCensor, withoutLogin } from './secret-censor.js';

describe('SecretCensor', () => {
  it('removes secrets from every text of a value, the longest first', () => {
    const censor = new SecretCensor();
    censor.add(['secret-a', 'secret-a-longer', 'mongodb://u:p%40ss-word@h/db']);
    expect(
      censor.clean({ 'secret-a': ['x secret-a-longer y', { n: 1, t: 'p@ss-word, p%40ss-word' }] }),
    ).toEqual({
      '[secret]': ['x [secret] y', { n: 1, t: '[secret], [secret]' }],
    });
  });

  it('leaves ordinary words and makes the rest printable', () => {
    const censor = new SecretCensor();
    censor.add(['5000', 'true', 'localhost', 'ab']);
    expect(censor.clean('5000 localhost \u001b[2J\n\u202e')).toBe('5000 localhost ?[2J??');
  });

  it('cuts a long text after it has removed the secrets', () => {
    const censor = new SecretCensor();
    censor.add(['secret-at-the-edge']);
    const text = censor.clean(`${'x'.repeat(1_995)}secret-at-the-edge${'y'.repeat(100)}`);
    expect(text).toBe(`${'x'.repeat(1_995)}[secr…`);
  });
});

describe('withoutLogin', () => {
  it.each<[string, string | null]>([
    ['mongodb://h:1,i:2/db?authSource=admin', 'mongodb://h:1,i:2/db'],
    ['mongodb://user:secret@h/db', 'mongodb://h/db'],
    ['redis://:secret@h:6379/0', 'redis://h:6379/0'],
    ['https://h/path?token=secret#x', 'https://h/path'],
    // Not encoded: the end of the login is not clear.
    ['mongodb://user:se/cret@h/db', null],
    ['mongodb://user:se?cret@h/db', null],
    ['mongodb://user:se@cret@h/db', null],
    ['mongodb://h/db?x=user:secret@y', null],
    ['no address', null],
  ])('%s → %s', (address, shown) => expect(withoutLogin(address)).toBe(shown));
});
