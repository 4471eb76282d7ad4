import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAdminLogin } from './service-options.js';

describe('findAdminLogin', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'replay-login-'));
    await writeFile(join(folder, 'admin-login.json'), '{"email":"file@x","password":"f"}');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('uses the options, then the environment, then the file', async () => {
    const env = { ADMIN_EMAIL: 'env@x', ADMIN_PASSWORD: 'e', DATA_DIR: folder };
    expect(await findAdminLogin({ email: 'o@x', password: 'o' }, env)).toEqual({
      email: 'o@x',
      password: 'o',
    });
    expect(await findAdminLogin({ email: 'o@x' }, env)).toEqual({ email: 'o@x', password: 'e' });
    expect(await findAdminLogin({}, env)).toEqual({ email: 'env@x', password: 'e' });
    expect(await findAdminLogin({}, { ADMIN_EMAIL: '', DATA_DIR: folder })).toEqual({
      email: 'file@x',
      password: 'f',
    });
  });

  it('never combines a given part with the file, and names the missing part', async () => {
    const env = { DATA_DIR: folder };
    await expect(findAdminLogin({ email: 'o@x' }, env)).rejects.toThrow('a password is missing');
    await expect(findAdminLogin({ password: 'o' }, env)).rejects.toThrow('an email is missing');
    await expect(findAdminLogin({}, { DATA_DIR: join(folder, 'none') })).rejects.toThrow('is not there');
  });

  it('does not quote a broken file', async () => {
    const broken = await mkdtemp(join(tmpdir(), 'replay-login-'));
    await writeFile(join(broken, 'admin-login.json'), 'secret-password');
    const failure = findAdminLogin({}, { DATA_DIR: broken });
    await expect(failure).rejects.toThrow('holds no email and password');
    await expect(failure).rejects.not.toThrow('secret-password');
    await rm(broken, { recursive: true });
  });
});
