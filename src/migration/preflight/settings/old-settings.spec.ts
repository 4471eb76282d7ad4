import { describe, expect, it } from '@jest/globals';
import { SETTING_GROUPS, UNUSED_SETTINGS } from '../../../config/index.js';
import { isShellVariable, OLD_SETTINGS, ruleOf } from './old-settings.js';

const own = new Map(SETTING_GROUPS.flatMap(({ settings }) => Object.entries(settings)));

describe('OLD_SETTINGS', () => {
  it('has every former name and every unused setting of this release', () => {
    const former = [...own.values()].flatMap(({ formerNames = [] }) => formerNames.map(({ name }) => name));
    for (const name of [...former, ...Object.keys(UNUSED_SETTINGS)])
      expect(OLD_SETTINGS).toHaveProperty(name);
  });

  it('names settings of this release as targets, and shows no value of a secret one', () => {
    for (const [name, { target, shown }] of Object.entries(OLD_SETTINGS)) {
      if (target !== null) expect(own.has(target)).toBe(true);
      if (own.get(name)?.isSecret) expect(shown).toBe('never');
    }
  });

  it('shows nothing of an unknown name', () => {
    expect(ruleOf('SOMETHING')).toMatchObject({ outcome: 'unknown', shown: 'never' });
    expect(ruleOf('__proto__')).toMatchObject({ outcome: 'unknown', shown: 'never' });
    expect(ruleOf('JWT_SECRET')).toMatchObject({ outcome: 'kept', shown: 'never' });
  });
});

describe('isShellVariable', () => {
  it.each(['PATH', 'SSH_CLIENT', 'LC_ALL', 'PM2_HOME', 'unique_id', 'tracking'])('%s is one', (name) =>
    expect(isShellVariable(name, 'tracking')).toBe(true),
  );
  it.each(['PATHS', 'MONGODB_LIVE_URL', 'TZ', 'SMTP_LOGIN'])('%s is none', (name) =>
    expect(isShellVariable(name, 'tracking')).toBe(false),
  );
});
