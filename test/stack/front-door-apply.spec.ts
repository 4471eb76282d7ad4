import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { mustRun, run } from './support/engine.js';
import { ColorServer, describeWith } from './support/front-door.js';
import { FrontDoorStack, Nginx, SECRET, TRACKING } from './support/front-door-nginx.js';

const describeNginx = await describeWith({ nginx: ['/usr/sbin/nginx', '-v'] });

describeNginx('samserver front-door, on a running nginx', () => {
  let stack: FrontDoorStack;
  let nginx: Nginx;
  let blue: ColorServer;
  let green: ColorServer;
  const ask: FrontDoorStack['ask'] = (...request) => stack.ask(...request);

  beforeAll(async () => {
    stack = await FrontDoorStack.start();
    ({ nginx, blue, green } = stack);
  });
  afterAll(() => stack.close());
  beforeEach(() => stack.forget());

  it('keeps the secret out of the include, the logs and the output, in a file for root alone', async () => {
    const outputs = [
      await nginx.apply('--mirror', 'on', '--mirror-secret-file', `${nginx.directory}/secret`),
      (await nginx.command('apply', '--dry-run', '--json')).output,
      (await nginx.command('apply', '--dry-run')).output,
      (await nginx.command('status')).output,
      (await nginx.command('remove', '--dry-run')).output,
    ];
    await ask(`${TRACKING}?token=private-value`);
    await stack.arrivals(green, 1);
    for (const name of ['samserver-front-door.log', 'samserver-mirror-failed.log', 'error.log'])
      outputs.push(await nginx.log(name));
    outputs.push(
      await nginx.log('front-door/front-door.conf'),
      await nginx.log('front-door/front-door.blue-only'),
    );
    for (const text of outputs) expect(text).not.toMatch(new RegExp(`${SECRET}|private-value`));
    expect((await stat(`${nginx.frontDoor}/mirror-secret.header`)).mode & 0o777).toBe(0o600);
    await writeFile(`${nginx.directory}/short`, 'pass"word;');
    const refused = await nginx.command('apply', '--mirror-secret-file', `${nginx.directory}/short`);
    expect(refused.code).toBe(64);
    expect(refused.output).toContain('32 to 200');
    expect(refused.output).not.toContain('pass"word');
  });

  it('changes nothing when the plan is in force already', async () => {
    await nginx.apply('--share', 'half');
    const log = await nginx.log('error.log');
    expect(await nginx.apply('--share', 'half')).toContain('was in force already');
    expect(await nginx.log('error.log')).toBe(log);
  });

  it('goes back when nginx refuses the file, and when it does not use it', async () => {
    await nginx.apply('--share', 'none');
    const include = await nginx.log('front-door/front-door.conf');
    const expectUnchanged = async (): Promise<void> => {
      expect(await nginx.log('front-door/front-door.conf')).toBe(include);
      expect((await nginx.command('status')).output).toContain('share none');
      expect((await ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
    };
    await writeFile(`${nginx.directory}/broken`, '');
    const refused = await nginx.command('apply', '--share', 'all');
    await nginx.unbreak();
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.output).toContain('nginx refuses the configuration');
    await expectUnchanged();
    // nginx -t does not detect a port that is in use; the reload fails then.
    const [, port = ''] = /:(\d+),/.exec(blue.addresses) ?? [];
    const { sockets, status } = nginx.ports;
    const unused = await nginx.command('apply', '--ports', `${port},${sockets},${status}`, '--share', 'all');
    expect(unused).toMatchObject({ code: 1 });
    expect(unused.output).toContain('does not use the new configuration');
    await expectUnchanged();
  });

  it('refuses a second command at the same time; `remove` waits for the first one', async () => {
    await nginx.apply('--share', 'all');
    const lock = createServer().listen('\0samserver-front-door');
    await once(lock, 'listening');
    const refused = await nginx.command('apply', '--share', 'half');
    expect(refused).toMatchObject({ code: 75 });
    expect(refused.output).toContain('another `samserver front-door` command');
    const removed = nginx.command('remove');
    lock.close();
    expect(await removed).toMatchObject({ code: 0 });
    expect((await ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
  });

  it('sends everything to blue with `remove`', async () => {
    await nginx.apply('--share', 'all', '--mirror', 'on');
    expect((await nginx.command('remove')).output).toContain('nginx: all to blue');
    expect((await ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
    await blue.close();
    expect((await ask(TRACKING)).status).toBe(503);
    await blue.open();
    expect(await green.ledger()).toEqual([]);
  });

  it('keeps what is in force when the disk is full, and `remove` works on the full disk', async () => {
    if (process.getuid?.() !== 0) {
      console.warn('SKIPPED: only root can mount a small disk');
      return;
    }
    const [blueAddresses, greenAddresses] = [blue.addresses, green.addresses];
    await mustRun('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', nginx.frontDoor]);
    try {
      await nginx.apply('--blue', blueAddresses, '--green', greenAddresses, '--share', 'all');
      await run('dd', ['if=/dev/zero', `of=${nginx.frontDoor}/filler`, 'bs=4k']);
      const full = await nginx.command('apply', '--share', 'half');
      expect(full.code).toBe(74);
      expect(full.output).toContain('the disk is full');
      expect((await nginx.command('status')).output).toContain('share all');
      expect((await ask(TRACKING)).headers['x-samserver-color']).toBe('green');
      expect(await nginx.command('remove')).toMatchObject({ code: 0 });
      expect((await ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
    } finally {
      await mustRun('umount', [nginx.frontDoor]);
    }
    await nginx.apply('--share', 'none');
  });
});
