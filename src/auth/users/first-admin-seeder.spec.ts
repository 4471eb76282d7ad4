import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Settings } from '../../config/index.js';
import type { StartupTasks } from '../../database/index.js';
import { FirstAdminSeeder } from './first-admin-seeder.js';
import type { PasswordHasher } from './password-hasher.js';
import type { UsersRepository } from './users.repository.js';
import type { UsersService } from './users.service.js';

const login = { email: 'admin@example.org', password: 'generated', isGenerated: true };

let failures: number;
let warnings: unknown[];
let seeder: FirstAdminSeeder;
beforeEach(() => {
  warnings = [];
  jest.spyOn(Logger.prototype, 'warn').mockImplementation((_fields, event) => void warnings.push(event));
  seeder = new FirstAdminSeeder(
    {
      findByEmail: async () => {
        if ((failures -= 1) >= 0) throw new Error('down');
        return { passwordHash: 'hash' };
      },
    } as unknown as UsersRepository,
    {} as UsersService,
    { isMatch: async () => true } as unknown as PasswordHasher,
    {} as StartupTasks,
    { auth: { firstAdmin: login } } as unknown as Settings,
  );
});
afterEach(() => void jest.restoreAllMocks());

it('the generated login is found when storage fails at first', async () => {
  failures = 2;
  expect(await seeder.findGeneratedLogin()).toEqual(login);
  expect(warnings).toEqual([]);
});

it('a generated login that cannot be checked within the time limit gives a warning', async () => {
  failures = Infinity;
  // The signal is aborted from the first pause on.
  const controller = new AbortController();
  jest.spyOn(AbortSignal, 'timeout').mockReturnValue(controller.signal);
  const found = seeder.findGeneratedLogin();
  await new Promise(setImmediate);
  controller.abort();
  expect(await found).toBeNull();
  expect(warnings).toEqual(['generated login not checked']);
});
