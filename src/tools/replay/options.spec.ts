import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAdminLogin, UsageError } from '../client/index.js';
import { parseOptions } from './options.js';

describe('parseOptions', () => {
  it('has a default for everything', () => {
    expect(parseOptions(['a.csv'], true)).toEqual({
      path: 'a.csv',
      isAsRecorded: false,
      speed: 'max',
      vehicles: 1,
      batch: 100,
      patienceMs: 60_000,
      rateHz: 1,
      seed: 1,
      url: 'http://127.0.0.1:5000',
      socketUrl: 'http://127.0.0.1:5050',
      isJson: false,
    });
    expect(parseOptions([], true)).toMatchObject({ speed: 1, vehicles: 8, durationS: undefined });
    expect(parseOptions([], false)).toMatchObject({ durationS: 60 });
  });

  it('reads every option', () => {
    const args =
      '--as-recorded --speed 2.5 --vehicles 3 --batch 500 --patience 5 --json dir --email a --password b';
    expect(
      parseOptions([...args.split(' '), '--url', 'https://x:1/', '--socket-url=http://[::1]:2'], true),
    ).toMatchObject({
      path: 'dir',
      isAsRecorded: true,
      speed: 2.5,
      vehicles: 3,
      batch: 500,
      patienceMs: 5000,
      isJson: true,
      email: 'a',
      password: 'b',
      url: 'https://x:1',
      socketUrl: 'http://[::1]:2',
    });
    expect(
      parseOptions(['--duration', '90', '--rate', '10', '--seed', '7', '--speed', 'max'], true),
    ).toMatchObject({
      durationS: 90,
      rateHz: 10,
      seed: 7,
      speed: 'max',
    });
    expect(parseOptions(['--help', 'a', 'b'], true)).toBe('help');
  });

  it.each([
    [['--vehicles', '0'], '--vehicles wants a whole number from 1 to 1000'],
    [['--vehicles', '1.5'], '--vehicles wants a whole number from 1 to 1000'],
    [['--vehicles', ''], '--vehicles wants'],
    [['--speed', 'fast'], '--speed wants a number over 0, or max'],
    [['--speed', '0'], '--speed wants'],
    [['--speed', '2'], 'needs --duration'],
    [['--as-recorded'], '--as-recorded is for recorded tracks only'],
    [['a', '--duration', '5'], '--duration is for the simulation only'],
    [['a', 'b'], '"b" is a second one'],
    [['--url', 'localhost:5000'], '--url wants http(s)://host:port'],
    [['--socket-url', 'http://x/path'], '--socket-url wants http(s)://host:port'],
    [['--nope'], /nope/],
  ])('refuses %j', (argv, message) => {
    expect(() => parseOptions(argv, true)).toThrow(UsageError);
    expect(() => parseOptions(argv, true)).toThrow(message);
  });
});

describe('findAdminLogin', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'replay-login-'));
    await writeFile(join(folder, 'admin-login.json'), '{"email":"file@x","password":"f"}');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('takes the options, then the environment, then the file', async () => {
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

  it('never mixes a given part with the file, and says what is missing', async () => {
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
