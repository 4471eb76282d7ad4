import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { DEFAULT_PLAN } from '../../src/migration/front-door/front-door-plan.js';
import { bootUnit, redirectRules, UNIT_NAME } from '../../src/migration/front-door/redirect-rules.js';
import { until } from '../support/sockets.js';
import { mustRun, ROOT, run } from './support/engine.js';
import {
  addClientNamespace,
  type Arrival,
  Boxes,
  ColorServer,
  describeWith,
  type LoadResult,
} from './support/front-door.js';
import { Nginx } from './support/front-door-nginx.js';

const HOST = `samhost${process.pid}`;
const OUTSIDE = `samouts${process.pid}`;
const CONTAINER = `samcont${process.pid}`;
const namespaces = [HOST, OUTSIDE, CONTAINER];
const inside = (namespace: string, ...args: readonly string[]): Promise<string> =>
  mustRun('ip', ['netns', 'exec', namespace, ...args]);

const describeNamespaces = await describeWith({
  nginx: ['/usr/sbin/nginx', '-v'],
  nft: ['nft', 'list', 'tables'],
  'ip netns': ['ip', 'netns', 'list'],
  'systemd-analyze': ['systemd-analyze', '--version'],
  root: ['sh', '-c', 'test "$(id -u)" = 0'],
});

/**
 * Three namespaces: a host with the old server on 5000 and 5050 and nginx, a client outside, and a container behind a bridge.
 */
describeNamespaces('the redirect of ports 5000 and 5050', () => {
  let nginx: Nginx;
  let blue: ColorServer;
  let green: ColorServer;

  beforeAll(async () => {
    await mustRun('ip', ['netns', 'add', HOST]);
    await mustRun('ip', ['-n', HOST, 'link', 'set', 'lo', 'up']);
    await addClientNamespace(OUTSIDE, HOST, 'eth0', {
      host: ['10.91.0.1/24', 'fd91::1/64'],
      client: ['10.91.0.2/24', 'fd91::2/64'],
    });
    await mustRun('ip', ['-n', HOST, 'link', 'add', 'br-test', 'type', 'bridge']);
    await addClientNamespace(CONTAINER, HOST, 'vethtest', { host: [], client: ['10.92.0.2/24'] });
    await mustRun('ip', ['-n', HOST, 'link', 'set', 'vethtest', 'master', 'br-test']);
    await mustRun('ip', ['-n', HOST, 'address', 'add', '10.92.0.1/24', 'dev', 'br-test']);
    await mustRun('ip', ['-n', HOST, 'link', 'set', 'br-test', 'up']);
    await mustRun('ip', ['-n', CONTAINER, 'route', 'add', 'default', 'via', '10.92.0.1']);
    blue = await ColorServer.start('blue', { http: 5_000, socket: 5_050 }, HOST);
    green = await ColorServer.start('green', { http: 5_200, socket: 5_250 }, HOST);
    nginx = await Nginx.start(HOST);
    await nginx.apply('--blue', blue.addresses, '--green', green.addresses, '--share', 'none');
  });
  afterAll(async () => {
    for (const server of [blue, green]) server?.stop();
    await nginx?.close();
    for (const namespace of namespaces) await run('ip', ['netns', 'del', namespace]);
  });

  const table = (): Promise<string> =>
    run('ip', ['netns', 'exec', HOST, 'nft', 'list', 'tables']).then(({ output }) => output);
  const post = (namespace: string, url: string): Promise<LoadResult> =>
    Boxes.start({ url, count: 1 }, namespace).ended();

  it('takes 10,000 posts without a failure while it goes on and off, each once', async () => {
    await Promise.all([blue.ledger(), green.ledger()]);
    const count = Number(process.env['SAMSERVER_REDIRECT_POSTS'] ?? 10_000);
    const arrived: Arrival[] = [];
    const load = Boxes.start({ url: 'http://10.91.0.1:5000', concurrency: 10 }, OUTSIDE);
    let changes = 0;
    const collect = async (): Promise<void> => {
      arrived.push(...(await blue.ledger()));
    };
    while (arrived.length < count || changes < 4) {
      const seen = arrived.length;
      await nginx.apply('--redirect', changes % 2 === 0 ? 'on' : 'off');
      changes += 1;
      await until(async () => (await collect(), arrived.length > seen + 500), 'posts');
    }
    const { sent, failed, errors, colors } = await load.stop();
    await collect();
    expect({ failed, errors }).toEqual({ failed: 0, errors: {} });
    expect(sent).toBeGreaterThanOrEqual(count);
    // Both ways were used.
    expect(Object.keys(colors).sort()).toEqual(['blue', 'direct']);
    const sequences = arrived.map(({ headers }) => Number(headers['x-sequence']));
    expect(sequences.sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, n) => n));
  });

  it('redirects IPv4 and IPv6 on both ports, and gives nginx the address of the client', async () => {
    await nginx.apply('--redirect', 'on');
    await blue.ledger();
    for (const url of ['10.91.0.1:5000', '10.91.0.1:5050', '[fd91::1]:5000', '[fd91::1]:5050'])
      expect((await post(OUTSIDE, `http://${url}`)).colors).toEqual({ blue: 1 });
    expect((await blue.ledger()).map(({ headers }) => headers['x-real-ip'])).toEqual([
      ...['10.91.0.2', '10.91.0.2', 'fd91::2', 'fd91::2'],
    ]);
  });

  it('keeps a connection where it is when the redirect goes on and off', async () => {
    await nginx.apply('--redirect', 'off');
    const echo = openEcho();
    await echo.more('the echo before');
    await nginx.apply('--redirect', 'on');
    await echo.more('the echo with the redirect');
    await nginx.apply('--redirect', 'off');
    await echo.more('the echo after');
    echo.end();
  });

  it('keeps a direct connection of a port that was redirected before: the kernel forgets the old translation', async () => {
    await nginx.apply('--redirect', 'on');
    // Closed by nginx, so that the client can use its port again.
    const localPort = await inside(
      OUTSIDE,
      process.execPath,
      '-e',
      `const socket = require('node:net').connect(5000, '10.91.0.1', () => {
        console.log(socket.localPort);
        socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n');
      });
      socket.resume();`,
    );
    await nginx.apply('--redirect', 'off');
    expect(await table()).not.toContain('samserver_front_door');
    const echo = openEcho({ port: 5_000, localPort: Number(localPort) });
    await echo.more('the echo without the redirect');
    await nginx.apply('--redirect', 'on');
    await echo.more('the echo with the redirect');
    echo.end();
    await nginx.apply('--redirect', 'off');
  });

  /** The commands that `apply` prints for root, and those of the emergency stop by hand. */
  it.each([
    [
      'printed commands',
      async () => {
        const { output } = await nginx.command('apply', '--redirect', 'off', '--dry-run', '--json');
        const { commands } = JSON.parse(output) as { readonly commands: readonly string[] };
        return [commands.slice(0, -1).join('\n'), commands.at(-1) ?? ''];
      },
    ],
    [
      'lines of the runbook',
      async () => {
        const page = await readFile(`${ROOT}docs/runbooks/side-by-side.md`, 'utf8');
        const blocks = [...(page.split('the same by hand')[1] ?? '').matchAll(/```sh\n([^]*?)```/g)];
        return blocks
          .slice(0, 2)
          .map(([, block = '']) =>
            block
              .replaceAll('sudo ', '')
              .replaceAll('/etc/samserver/front-door', nginx.frontDoor)
              .replaceAll(':15000', `:${nginx.ports.http}`)
              .replaceAll(':15050', `:${nginx.ports.sockets}`),
          );
      },
    ],
  ])('keeps redirected connections with the %s, too', async (_name, commands) => {
    await nginx.apply('--redirect', 'on');
    const echo = openEcho();
    await echo.more('the echo through nginx');
    const [turnOff = '', removeTable = ''] = await commands();
    expect((await nginx.shell(`set -e\n${turnOff}`)).code).toBe(0);
    expect(await table()).toContain('samserver_front_door');
    expect((await post(OUTSIDE, 'http://10.91.0.1:5000')).colors).toEqual({ direct: 1 });
    await echo.more('the echo after the redirect went');
    expect((await nginx.shell(removeTable)).output).toContain('are left');
    await echo.more('the echo while the table is left');
    echo.end();
    await until(async () => {
      expect((await nginx.shell(removeTable)).code).toBe(0);
      return !(await table()).includes('samserver_front_door');
    }, 'the removal of the table');
    await nginx.apply('--redirect', 'off');
  });

  /** A connection from outside that sends and gets an echo. */
  function openEcho({ port = 5_050, localPort = 0 } = {}): {
    readonly more: (what: string) => Promise<void>;
    readonly end: () => void;
  } {
    const script = `
      const socket = require('node:net').connect({ host: '10.91.0.1', port: ${port}, localPort: ${localPort} });
      socket.on('data', (chunk) => process.stdout.write(chunk)).on('close', () => process.exit(1));
      socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n');
      setInterval(() => socket.write('.'), 50);
      process.stdin.on('end', () => process.exit(0)).resume();`;
    const child = spawn('ip', ['netns', 'exec', OUTSIDE, process.execPath, '-e', script]);
    let echoed = '';
    child.stdout.on('data', (chunk: Buffer) => (echoed += chunk.toString()));
    const more = async (what: string): Promise<void> => {
      const { length } = echoed;
      await until(() => echoed.length > length + 3, what);
      expect(child.exitCode).toBeNull();
    };
    return { more, end: () => child.stdin.end() };
  }

  it('does not loop: a container and this machine reach the old server itself', async () => {
    await nginx.apply('--redirect', 'on', '--mirror', 'off');
    expect((await post(CONTAINER, 'http://10.92.0.1:5000')).colors).toEqual({ direct: 1 });
    expect((await post(CONTAINER, 'http://10.91.0.1:5000')).colors).toEqual({ direct: 1 });
    for (const url of ['http://127.0.0.1:5000', 'http://10.91.0.1:5000', 'http://[::1]:5050'])
      expect((await post(HOST, url)).colors).toEqual({ direct: 1 });
    // nginx itself: one post outside is one post in the old server.
    await blue.ledger();
    expect((await post(OUTSIDE, 'http://10.91.0.1:5000')).colors).toEqual({ blue: 1 });
    expect(await blue.ledger()).toHaveLength(1);
  });

  it('can be applied again, and leaves other tables alone', async () => {
    await inside(HOST, 'nft', 'add', 'table', 'inet', 'other');
    await nginx.apply('--redirect', 'on');
    await nginx.apply('--redirect', 'on');
    const rules = await inside(HOST, 'nft', 'list', 'table', 'inet', 'samserver_front_door');
    expect(rules.match(/redirect to/g)).toHaveLength(2);
    expect(await nginx.command('status')).toMatchObject({ code: 0 });
    expect(await nginx.command('remove')).toMatchObject({ code: 0 });
    expect(await nginx.command('remove')).toMatchObject({ code: 0 });
    expect((await table()).trim()).toBe('table inet other');
    expect((await post(OUTSIDE, 'http://10.91.0.1:5000')).colors).toEqual({ direct: 1 });
    await inside(HOST, 'nft', 'delete', 'table', 'inet', 'other');
  });

  it('stays off while nginx does not listen', async () => {
    await nginx.apply('--redirect', 'off');
    await nginx.stop();
    const refused = await nginx.command('apply', '--redirect', 'on');
    expect(refused.code).toBe(69);
    expect(await table()).not.toContain('samserver_front_door');
    await nginx.restart();
    await nginx.apply('--redirect', 'off');
  });

  it('prints the commands without root, and changes no rule', async () => {
    await nginx.apply('--redirect', 'off');
    const refused = await nginx.commandWithoutRoot('apply', '--redirect', 'on');
    expect(refused.code).toBe(77);
    expect(refused.output).toMatch(/nft -f -\) <<'END'\n[^]*redirect to :\d+[^]*systemctl/);
    expect(await table()).not.toContain('samserver_front_door');
  });

  describe('self-test', () => {
    it('passes with the redirect off and on, and leaves nothing behind', async () => {
      const before = await inside(HOST, 'ip', '-o', 'link');
      for (const state of ['off', 'on']) {
        await nginx.apply('--redirect', state);
        const { code, output } = await nginx.command('self-test', '--json');
        expect(output).toContain('"isGood": true');
        expect(code).toBe(0);
      }
      expect(await inside(HOST, 'ip', '-o', 'link')).toBe(before);
      expect(await table()).toBe('table inet samserver_front_door\n');
      await nginx.apply('--redirect', 'off');
      expect(await run('ip', ['netns', 'list']).then(({ output }) => output)).not.toMatch(/samout-|samctr-/);
    });

    it('finds a firewall that accepts the old ports only, and gives the rule', async () => {
      await inside(
        HOST,
        'nft',
        'add table inet wall; add chain inet wall input { type filter hook input priority 0; policy drop; }; ' +
          'add rule inet wall input iifname "lo" accept; add rule inet wall input ct state established accept; ' +
          'add rule inet wall input meta l4proto ipv6-icmp accept; add rule inet wall input tcp dport { 5000, 5050 } accept',
      );
      const bad = await nginx.command('self-test');
      expect(bad.code).toBe(1);
      expect(bad.output).toMatch(/FAULT: outside .* reached nothing[^]*ctstate DNAT/);
      await inside(HOST, 'nft', 'add', 'rule', 'inet', 'wall', 'input', 'ct', 'status', 'dnat', 'accept');
      expect((await nginx.command('self-test')).code).toBe(0);
      await inside(HOST, 'nft', 'delete', 'table', 'inet', 'wall');
    });

    it('finds a loop', async () => {
      // A table of another program without our exclusions.
      await inside(
        HOST,
        'nft',
        'add table inet wrong; add chain inet wrong pre { type nat hook prerouting priority -120; }; ' +
          `add rule inet wrong pre iifname "br-*" tcp dport 5000 redirect to :${nginx.ports.http}`,
      );
      const { code, output } = await nginx.command('self-test');
      expect(code).toBe(1);
      expect(output).toMatch(/FAULT: container .*:5000\/ reached front-door[^]*Turn the redirect off/);
      await inside(HOST, 'nft', 'delete', 'table', 'inet', 'wrong');
    });
  });

  it('sends the boxes of a share to green by their IPv6 address, too', async () => {
    await nginx.apply('--redirect', 'on', '--share', 'one', '--box-addresses', 'fd91::2');
    const [v4, v6] = ['http://10.91.0.1:5000', 'http://[fd91::1]:5000'];
    expect((await post(OUTSIDE, v6)).colors).toEqual({ green: 1 });
    expect((await post(OUTSIDE, v4)).colors).toEqual({ blue: 1 });
    // A network, and another box.
    await nginx.apply('--share', 'one', '--box-addresses', 'fd91::/64');
    expect((await post(OUTSIDE, v6)).colors).toEqual({ green: 1 });
    await nginx.apply('--share', 'one', '--box-addresses', 'fd91::3');
    expect((await post(OUTSIDE, v6)).colors).toEqual({ blue: 1 });
    await nginx.apply('--share', 'half', '--box-addresses', 'fd91::2');
    expect((await post(OUTSIDE, v6)).colors).toEqual({ green: 1 });
    await nginx.apply('--share', 'half', '--box-addresses', '');
    const addresses = Array.from({ length: 200 }, (_, n) => `fd92::${(n + 1).toString(16)}`);
    const half = { url: `http://[::1]:${nginx.ports.http}`, addresses, count: addresses.length };
    const colors = (await Boxes.start(half, HOST).ended()).colors;
    expect((await Boxes.start(half, HOST).ended()).colors).toEqual(colors);
    expect(colors['green']).toBeGreaterThan(60);
    expect(colors['blue']).toBeGreaterThan(60);
    await nginx.apply('--share', 'all');
    for (const url of [v4, v6]) expect((await post(OUTSIDE, url)).colors).toEqual({ green: 1 });
    await nginx.apply('--share', 'none', '--redirect', 'off');
  });

  it.each([
    ['IPv4', () => blue.addresses],
    ['IPv6', () => blue.addresses.replaceAll('127.0.0.1', '[::1]')],
  ])(
    'takes new connections of both IP versions past an nginx that refuses its configuration, until it accepts it (blue by %s)',
    async (_version, address) => {
      await nginx.apply('--share', 'all', '--redirect', 'off', '--blue', address());
      const sites = [nginx.url, `http://[::1]:${nginx.ports.http}`, `http://[::1]:${nginx.ports.sockets}`];
      const colors = async (): Promise<readonly LoadResult['colors'][]> =>
        Promise.all(sites.map(async (url) => (await post(HOST, url)).colors));
      expect(await colors()).toEqual(sites.map(() => ({ green: 1 })));
      await inside(HOST, 'touch', `${nginx.directory}/broken`);
      expect(await nginx.command('status')).toMatchObject({
        code: 1,
        output: expect.stringContaining('FAULT: the next reload fails, that of an emergency too'),
      });
      const removed = await nginx.command('remove');
      expect(removed.code).toBe(1);
      expect(removed.output).toMatch(/nginx: FAILED[^]*bypass: on/);
      // Without the header of nginx: blue itself has answered.
      await blue.ledger();
      expect(await colors()).toEqual(sites.map(() => ({ direct: 1 })));
      expect(await blue.ledger()).toHaveLength(sites.length);
      const loads = sites.slice(0, 2).map((url) => Boxes.start({ url, perSecond: 50 }, HOST));
      await nginx.unbreak();
      expect(await nginx.command('remove')).toMatchObject({
        code: 0,
        output: expect.stringContaining('bypass: off'),
      });
      await until(async () => (await colors()).every(({ blue: count }) => count === 1), 'nginx again');
      for (const load of loads) expect(await load.stop()).toMatchObject({ failed: 0, errors: {} });
      await inside(HOST, 'nft', 'delete', 'table', 'inet', 'samserver_front_door_bypass');
    },
  );

  describe('the runbook', () => {
    const readPage = (): Promise<string> => readFile(`${ROOT}docs/runbooks/side-by-side.md`, 'utf8');
    /** Where the commands run that need more than this test has. */
    const NOT_RUN_HERE: Readonly<Record<string, string>> = {
      'front-door apply --share one --boxes <code>': 'needs the database of Samserver: --box-addresses here',
      'nft delete table': 'a warning not to run it',
      'nginx: FAILED: nginx refuses …': 'an output',
      'nginx: FAILED: … does it run?': 'an output',
      'nginx: all to blue': 'an output',
    };

    it('has commands that work as they are written', async () => {
      await nginx.apply('--redirect', 'off', '--share', 'none', '--blue', blue.addresses);
      // As on a host: `samserver` and `sudo` are programs, and the directory is the default one.
      await writeFile(`${nginx.directory}/bin/sudo`, '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
      await writeFile(
        `${nginx.directory}/bin/samserver`,
        `#!/bin/sh\nexec ${process.execPath} ${ROOT}dist/cli.js "$@" --directory ${nginx.frontDoor}\n`,
        { mode: 0o755 },
      );
      await writeFile(`${nginx.directory}/secret`, 'mirror-secret-of-the-test-0123456789abcdef', {
        mode: 0o600,
      });
      const commands = [
        ...(await readPage()).matchAll(/`((?:sudo )?(?:samserver |front-door |nginx|nft |curl )[^`]*)`/g),
      ].map(([, command = '']) => command);
      const wanted = [...new Set(commands)].filter((command) => !(command in NOT_RUN_HERE));
      expect(Object.keys(NOT_RUN_HERE).filter((command) => !commands.includes(command))).toEqual([]);
      expect(wanted.length).toBeGreaterThan(8);
      const results: string[] = [];
      for (const command of wanted) {
        // `samserver shift` is a link to its own page.
        if (command === 'samserver shift') continue;
        const line = command
          .replace(/^front-door/, 'samserver front-door')
          .replace('<file>', `${nginx.directory}/secret`)
          .replace('<address>', '10.91.0.9')
          .replace(':15000', `:${nginx.ports.http}`);
        const { code, output } = await nginx.shell(line);
        results.push(code === 0 ? command : `${command}: ${code} ${output}`);
        if (line.startsWith('curl')) expect(output).toMatch(/X-Samserver-Color: (?:blue|green)/);
      }
      expect(results).toEqual(wanted.filter((command) => command !== 'samserver shift'));
      const [stop = ''] = /sudo samserver front-door remove/.exec(await readPage()) ?? [];
      expect(await nginx.shell(stop)).toMatchObject({
        code: 0,
        output: expect.stringMatching(/nginx: all to blue[^]*redirect: off/),
      });
      expect((await post(OUTSIDE, 'http://10.91.0.1:5000')).colors).toEqual({ direct: 1 });
      expect((await post(HOST, nginx.url)).colors).toEqual({ blue: 1 });
    });
  });

  describe('the boot unit', () => {
    const unit = (): string =>
      bootUnit(
        {
          ...DEFAULT_PLAN,
          ports: nginx.ports,
        },
        `${nginx.directory}/redirect-at-boot.nft`,
      );
    /** The value of a line, with the one level of quotes that systemd and a shell both remove. */
    const commandOf = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit())?.[1] ?? '';
    const atBoot = (name: string): Promise<{ code: number; output: string }> =>
      run('ip', ['netns', 'exec', HOST, 'sh', '-c', commandOf(name)]);

    it('is accepted by systemd', async () => {
      const directory = `${nginx.directory}/units`;
      await mkdir(directory);
      await writeFile(`${directory}/${UNIT_NAME}`, unit());
      for (const name of ['nginx', 'nftables'])
        await writeFile(`${directory}/${name}.service`, '[Service]\nExecStart=/bin/true\n');
      const env = { SYSTEMD_UNIT_PATH: `${directory}:`, PATH: process.env['PATH'] ?? '' };
      const verify = (): ReturnType<typeof run> =>
        run('systemd-analyze', ['verify', '--man=no', `${directory}/${UNIT_NAME}`], { env });
      const { code, output } = await verify();
      // systemd names each line that it does not understand, also where it goes on.
      expect({ code, faults: output.split('\n').filter((line) => line.includes(UNIT_NAME)) }).toEqual({
        code: 0,
        faults: [],
      });
      await writeFile(`${directory}/${UNIT_NAME}`, unit().replace('ExecStop=', 'ExecStopp='));
      expect((await verify()).output).toContain('ExecStopp');
    });

    it('turns the redirect on after nginx listens, and off', async () => {
      await nginx.apply('--redirect', 'off', '--share', 'none');
      await writeFile(
        `${nginx.directory}/redirect-at-boot.nft`,
        redirectRules({ ...DEFAULT_PLAN, ports: nginx.ports }),
      );
      await nginx.stop();
      const waiting = atBoot('ExecStartPre');
      await nginx.restart();
      expect((await waiting).code).toBe(0);
      expect((await atBoot('ExecStart')).code).toBe(0);
      for (const url of ['http://10.91.0.1:5000', 'http://[fd91::1]:5050'])
        expect((await post(OUTSIDE, url)).colors).toEqual({ blue: 1 });
      expect((await atBoot('ExecStop')).code).toBe(0);
      expect((await post(OUTSIDE, 'http://10.91.0.1:5000')).colors).toEqual({ direct: 1 });
      await nginx.apply('--redirect', 'off');
    });
  });
});
