import { describe, expect, it } from '@jest/globals';
import { FINDING_KINDS, nextStepOf } from './next-steps.js';
import { DATABASE_MISMATCHES, MISMATCHES } from './verify-files.js';

describe('nextStepOf', () => {
  it('has a step for every finding of every command', () => {
    const verified = [...MISMATCHES, 'touched', 'new'];
    const kinds = {
      scan: ['unreadable', 'changed', 'not-a-picture', 'gone'],
      manifest: ['unreadable', 'gone'],
      verify: [...verified, ...DATABASE_MISMATCHES, 'gone'],
      backup: [...verified, 'gone', 'not-copied'],
      restore: [...verified, 'in-the-way', 'not-copied'],
    } as const;
    for (const [command, found] of Object.entries(kinds))
      for (const kind of found)
        expect([command, kind, nextStepOf(command as keyof typeof kinds, kind)]).toEqual([
          command,
          kind,
          expect.stringMatching(/^[a-z].+[^.]$/),
        ]);
    expect(new Set(Object.values(kinds).flat())).toEqual(new Set(FINDING_KINDS));
  });
});
