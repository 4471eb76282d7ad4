import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { until } from '../support/sockets.js';
import { mustRun, run } from './support/engine.js';
import { Boxes, ColorServer, describeWith } from './support/front-door.js';
import { Nginx } from './support/front-door-nginx.js';

const HOST = `samkill${process.pid}`;
/** More than `apply` has: the loops below end when it was not killed. */
const MAX_STEPS = 80;
/** Each step in the soak; each third one in CI, from another first one in each test. */
const STRIDE = Number(process.env['SAMSERVER_KILL_STRIDE'] ?? 3);
/** Killed by a signal. */
const KILLED = 255;
const SECRETS = ['first', 'second'].map((name) => `${name}-mirror-secret-0123456789abcdef`);

/** Each test kills a command at each of its steps: some thirty starts of a process. */
jest.setTimeout(900_000);

const describeNamespace = await describeWith({
  nginx: ['/usr/sbin/nginx', '-v'],
  nft: ['nft', 'list', 'tables'],
  root: ['sh', '-c', 'test "$(id -u)" = 0'],
});

describeNamespace('front-door apply and remove, killed at each of their steps', () => {
  let nginx: Nginx;
  let blue: ColorServer;
  let green: ColorServer;
  const secretFile = (index: number): string[] => [
    '--mirror-secret-file',
    `${nginx.directory}/secret-${index % 2}`,
  ];
  const before = (): string[] => ['--redirect', 'off', '--mirror', 'off', ...secretFile(0)];
  const after = (): string[] => ['--redirect', 'on', '--mirror', 'on', ...secretFile(1)];

  beforeAll(async () => {
    await mustRun('ip', ['netns', 'add', HOST]);
    await mustRun('ip', ['-n', HOST, 'link', 'set', 'lo', 'up']);
    blue = await ColorServer.start('blue', { http: 5_000, socket: 5_050 }, HOST);
    green = await ColorServer.start('green', { http: 5_200, socket: 5_250 }, HOST);
    nginx = await Nginx.start(HOST);
    for (const [index, secret] of SECRETS.entries())
      await writeFile(`${nginx.directory}/secret-${index}`, secret, { mode: 0o600 });
    await nginx.apply('--blue', blue.addresses, '--green', green.addresses, '--share', 'none', ...before());
  });
  afterAll(async () => {
    for (const server of [blue, green]) server?.stop();
    await nginx?.close();
    await run('ip', ['netns', 'del', HOST]);
  });

  const table = (): Promise<string> =>
    run('ip', ['netns', 'exec', HOST, 'nft', 'list', 'ruleset']).then(({ output }) => output);

  /** Mirrored copies have this secret, as soon as the workers from before the reload take no connection any more. */
  async function expectSecret(index: number): Promise<void> {
    await until(
      async () => {
        await green.ledger();
        await Boxes.start({ url: `http://127.0.0.1:${nginx.ports.http}`, count: 1 }, HOST).ended();
        const [copy] = await green.arrivals(1);
        return copy?.headers['x-samserver-mirror'] === SECRETS[index % 2];
      },
      `the secret ${index % 2}`,
    );
  }

  async function expectStatus(expected: RegExp): Promise<void> {
    const { code, output } = await nginx.command('status');
    expect(output).toMatch(expected);
    expect([code, output]).toEqual([0, expect.not.stringContaining('FAULT')]);
  }

  it('reaches its plan when it is run again, and blue alone with `remove`', async () => {
    let isDone = false;
    for (let step = 1; !isDone; step += STRIDE) {
      expect(step).toBeLessThan(MAX_STEPS);
      const { code, output } = await nginx.killedAt(step, 'apply', ...after());
      isDone = code === 0;
      if (!isDone) expect([code, output]).toEqual([KILLED, '']);
      await nginx.apply(...after());
      await expectStatus(/mirror on[^]*redirect: on/);
      await expectSecret(1);
      expect([0, KILLED]).toContain((await nginx.killedAt(step, 'apply', ...before())).code);
      expect(await nginx.command('remove')).toMatchObject({ code: 0 });
      await expectStatus(/share of green none, mirror off[^]*redirect: off/);
      expect(await table()).toBe('');
      expect(await nginx.log('front-door/redirect.nft')).toBe('');
      await nginx.apply(...after());
      await nginx.killedAt(step, 'remove');
      await nginx.apply(...before());
      await expectStatus(/mirror off[^]*redirect: off/);
      expect(await table()).toBe('');
      expect(await nginx.log('front-door/redirect.nft')).toBe('');
    }
  });

  it('uses a new secret after the next `apply`, also when nothing else is new', async () => {
    await nginx.apply('--redirect', 'off', '--mirror', 'on', ...secretFile(0));
    let isDone = false;
    for (let step = Math.min(2, STRIDE); !isDone; step += STRIDE) {
      expect(step).toBeLessThan(MAX_STEPS);
      isDone = (await nginx.killedAt(step, 'apply', ...secretFile(step))).code === 0;
      await nginx.apply(...secretFile(step));
      await expectSecret(step);
    }
  });

  it('goes back to the last include that was in force when nginx refuses the new one', async () => {
    await nginx.apply(...before());
    const include = await nginx.log('front-door/front-door.conf');
    await writeFile(`${nginx.directory}/broken`, '');
    let code = KILLED;
    for (let step = Math.min(3, STRIDE); code === KILLED; step += STRIDE) {
      expect(step).toBeLessThan(MAX_STEPS);
      ({ code } = await nginx.killedAt(step, 'apply', '--mirror', 'on'));
      expect(await nginx.command('apply', '--mirror', 'on')).toMatchObject({ code: 1 });
      expect(await nginx.log('front-door/front-door.conf')).toBe(include);
    }
    await nginx.unbreak();
    expect(code).toBe(1);
    await nginx.apply(...before());
    await expectStatus(/mirror off/);
  });
});
