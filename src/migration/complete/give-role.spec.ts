import { expect, it } from '@jest/globals';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import type { CompleteContext } from './complete-context.js';
import { giveRole } from './give-role.js';

it('changes the role in the database when Samserver answers an error', async () => {
  const said: string[] = [];
  const context = {
    by: 'a',
    io: { env: {}, signal: new AbortController().signal },
    say: (line: string) => said.push(line),
    green: {
      role: () => Promise.reject(new CommandError('Samserver answers 500 to GET /roles', EXIT_CODES.FAILURE)),
    },
  } as unknown as CompleteContext;
  // This test has no database.
  await expect(giveRole.undo?.(context)).rejects.toThrow(/MONGODB_URL/);
  expect(said).toEqual(['Samserver answers 500 to GET /roles: the role is changed in the database']);
});
