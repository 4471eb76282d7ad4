import { expect, it } from '@jest/globals';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { mustRun, run } from './support/engine.js';
import { describeWith } from './support/front-door.js';
import { FrontDoorStack, SECRET, TRACKING } from './support/front-door-nginx.js';

const describeNginx = await describeWith({ nginx: ['/usr/sbin/nginx', '-v'] });

describeNginx('samserver front-door, on a running nginx', () => {
  const stack = FrontDoorStack.forTests();

  it('keeps the secret out of the include, the logs and the output, in a file for root alone', async () => {
    const outputs = [
      await stack.nginx.apply('--mirror', 'on', '--mirror-secret-file', `${stack.nginx.directory}/secret`),
      (await stack.nginx.command('apply', '--dry-run', '--json')).output,
      (await stack.nginx.command('apply', '--dry-run')).output,
      (await stack.nginx.command('status')).output,
      (await stack.nginx.command('remove', '--dry-run')).output,
    ];
    await stack.ask(`${TRACKING}?token=private-value`);
    await stack.arrivals(stack.green, 1);
    for (const name of ['samserver-front-door.log', 'samserver-mirror-failed.log', 'error.log'])
      outputs.push(await stack.nginx.log(name));
    outputs.push(
      await stack.nginx.log('front-door/front-door.conf'),
      await stack.nginx.log('front-door/front-door.blue-only'),
    );
    for (const text of outputs) expect(text).not.toMatch(new RegExp(`${SECRET}|private-value`));
    expect((await stat(`${stack.nginx.frontDoor}/mirror-secret.header`)).mode & 0o777).toBe(0o600);
    await writeFile(`${stack.nginx.directory}/short`, 'pass"word;');
    const refused = await stack.nginx.command(
      'apply',
      '--mirror-secret-file',
      `${stack.nginx.directory}/short`,
    );
    expect(refused.code).toBe(64);
    expect(refused.output).toContain('32 to 200');
    expect(refused.output).not.toContain('pass"word');
  });

  it('changes nothing when the plan is in force already', async () => {
    await stack.nginx.apply('--share', 'half');
    const log = await stack.nginx.log('error.log');
    expect(await stack.nginx.apply('--share', 'half')).toContain('was in force already');
    expect(await stack.nginx.log('error.log')).toBe(log);
  });

  it('goes back when nginx refuses the file, and when it does not use it', async () => {
    await stack.nginx.apply('--share', 'none');
    const include = await stack.nginx.log('front-door/front-door.conf');
    const expectUnchanged = async (): Promise<void> => {
      expect(await stack.nginx.log('front-door/front-door.conf')).toBe(include);
      const { code, output } = await stack.nginx.command('status');
      expect([code, output]).toEqual([0, expect.stringContaining('share none')]);
      expect((await stack.ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
    };
    await writeFile(`${stack.nginx.directory}/broken`, '');
    const refused = await stack.nginx.command('apply', '--share', 'all');
    await stack.nginx.unbreak();
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.output).toContain('nginx refuses the configuration');
    await expectUnchanged();
    // nginx -t does not detect a port that is in use; the reload fails then.
    const [, port = ''] = /:(\d+),/.exec(stack.blue.addresses) ?? [];
    const { sockets, status } = stack.nginx.ports;
    const unused = await stack.nginx.command(
      'apply',
      '--ports',
      `${port},${sockets},${status}`,
      '--share',
      'all',
    );
    expect(unused).toMatchObject({ code: 1 });
    expect(unused.output).toContain('does not use the new configuration');
    await expectUnchanged();
  });

  it('refuses a second command at the same time; `remove` waits for the first one', async () => {
    await stack.nginx.apply('--share', 'all');
    const lock = createServer().listen('\0samserver-front-door');
    await once(lock, 'listening');
    const refused = await stack.nginx.command('apply', '--share', 'half');
    expect(refused).toMatchObject({ code: 75 });
    expect(refused.output).toContain('another `samserver front-door` command');
    const removed = stack.nginx.command('remove');
    lock.close();
    expect(await removed).toMatchObject({ code: 0 });
    expect((await stack.ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
  });

  it('sends everything to blue with `remove`', async () => {
    await stack.nginx.apply('--share', 'all', '--mirror', 'on');
    expect((await stack.nginx.command('remove')).output).toContain('nginx: all to blue');
    expect((await stack.ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
    await stack.blue.close();
    expect((await stack.ask(TRACKING)).status).toBe(503);
    await stack.blue.open();
    expect(await stack.green.ledger()).toEqual([]);
  });

  it('keeps what is in force when the disk is full, and `remove` works on the full disk', async () => {
    if (process.getuid?.() !== 0) {
      console.warn('SKIPPED: only root can mount a small disk');
      return;
    }
    const [blueAddresses, greenAddresses] = [stack.blue.addresses, stack.green.addresses];
    await mustRun('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', stack.nginx.frontDoor]);
    try {
      await stack.nginx.apply('--blue', blueAddresses, '--green', greenAddresses, '--share', 'all');
      await run('dd', ['if=/dev/zero', `of=${stack.nginx.frontDoor}/filler`, 'bs=4k']);
      const full = await stack.nginx.command('apply', '--share', 'half');
      expect(full.code).toBe(74);
      expect(full.output).toContain('the disk is full');
      expect((await stack.nginx.command('status')).output).toContain('share all');
      expect((await stack.ask(TRACKING)).headers['x-samserver-color']).toBe('green');
      expect(await stack.nginx.command('remove')).toMatchObject({ code: 0 });
      expect((await stack.ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
    } finally {
      await mustRun('umount', [stack.nginx.frontDoor]);
    }
    await stack.nginx.apply('--share', 'none');
  });
});
