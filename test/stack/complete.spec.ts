import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { io, type Socket } from 'socket.io-client';
import { COMPLETE_STEPS } from '../../src/migration/complete/complete-steps.js';
import { adminToken, call } from '../support/http.js';
import { TRACKING } from '../support/old-boxes.js';
import { OldDatabase } from '../support/old-database.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN } from '../support/test-service.js';
import { describeWith } from './support/front-door.js';
import { MoveHost, PM2 } from './support/move-host.js';

const BOXES = Array.from({ length: 8 }, (_, index) => String(300 + index));
const POST_INTERVAL_MS = 1_000;
const PANELS = 4;
/** km/h that the servers store for each post: histories of the old server have no place. */
const KMH_STEP = 0.36;
const ROLLBACK_LIMIT_MS = 120_000;
/** Gates of files, and the comparison, which this machine does not have. */
const SKIPPED = ['pictures', 'image-backup', 'database-dump', 'certificate', 'compare'];
const COMPLETE = ['shift', 'complete', ...SKIPPED.flatMap((gate) => ['--skip', gate])];

const describeMove = await describeWith({
  nginx: ['/usr/sbin/nginx', '-v'],
  nft: ['nft', 'list', 'tables'],
  'ip netns': ['ip', 'netns', 'list'],
  root: ['sh', '-c', 'test "$(id -u)" = 0'],
  'PM2 (npm ci --ignore-scripts --prefix test/stack/pm2)': existsSync(PM2) ? ['true'] : ['false'],
});

/** A box as the old ones are: a new connection for each post, to the address that it knows, and no repeat. */
class Box {
  readonly accepted: number[] = [];
  readonly failed: string[] = [];
  private count = 0;
  private readonly open = new Set<Promise<void>>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly url: string,
    readonly code: string,
  ) {
    this.timer = setInterval(() => this.post(), POST_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.open);
  }

  post(): void {
    const n = (this.count += 1);
    const body = new URLSearchParams({
      ...{ ambulance_id: this.code, tracking_latitude: String(13.7 + n * 1e-5), tracking_longitude: '100.5' },
      ...{ tracking_speed: String((n * KMH_STEP) / 3.6), tracking_heading: '90' },
    }).toString();
    const posting = new Promise<void>((settle) => {
      const fail = (why: string): void => {
        this.failed.push(`${this.code}/${n}: ${why}`);
        settle();
      };
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
      };
      const outgoing = request(`${this.url}${TRACKING}`, {
        method: 'POST',
        agent: false,
        headers,
        timeout: 5_000,
      });
      outgoing.once('timeout', () => outgoing.destroy(new Error('timeout')));
      outgoing.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
      outgoing.once('response', (response) => {
        response.resume();
        if (response.statusCode !== 200) return fail(String(response.statusCode));
        this.accepted.push(n);
        settle();
      });
      outgoing.end(body);
    }).finally(() => this.open.delete(posting));
    this.open.add(posting);
  }
}

/** A panel that reconnects by itself. */
class Panel {
  readonly socket: Socket;
  private lastFrameMs = performance.now();
  longestGapMs = 0;
  private awayMs: number | null = null;
  frames = 0;
  longestAwayMs = 0;

  constructor(url: string) {
    this.socket = io(url, { transports: ['websocket'], forceNew: true });
    this.socket.on('connect', () => {
      this.socket.emit('room_join', 'tracking');
      if (this.awayMs !== null)
        this.longestAwayMs = Math.max(this.longestAwayMs, performance.now() - this.awayMs);
      this.awayMs = null;
    });
    this.socket.on('disconnect', () => (this.awayMs = performance.now()));
    this.socket.on('data', (text: string) => {
      if (!text.startsWith('{')) return;
      this.frames += 1;
      const nowMs = performance.now();
      this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.lastFrameMs);
      this.lastFrameMs = nowMs;
    });
  }

  /** Begins a new measurement. */
  reset(): void {
    [this.longestGapMs, this.longestAwayMs, this.lastFrameMs] = [0, 0, performance.now()];
  }
}

describeMove('complete, and the way back', () => {
  let host: MoveHost;
  let database: OldDatabase;
  const ids = new Map<string, string>();
  let boxes: Box[] = [];
  let panels: Panel[] = [];
  let other: object | undefined;

  const role = async (): Promise<string> =>
    (await call(host.green, 'GET', '/api/v1/ops/legacy-roles', { token: OPS_TOKEN })).body.role as string;
  const otherApplication = async (): Promise<object | undefined> =>
    (await host.listed()).find(({ name }) => name === 'other');
  /** Runs to its end. */
  const runs = async (...args: readonly string[]): Promise<string> => {
    const program = host.command(...args);
    const { code } = await program.exited;
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${program.output}`);
    return program.output;
  };
  const expectDone = async (): Promise<void> => {
    expect(await role()).toBe('samserver');
    expect(await host.stateOf('tracking')).toBe('stopped');
    expect(await host.savedList()).toContainEqual({ name: 'tracking', status: 'stopped' });
    expect((await host.nft('list', 'ruleset')).output).not.toContain('redirect to');
    const answer = await fetch(`${host.url}/`);
    expect([answer.status, answer.headers.get('x-samserver-color')]).toEqual([200, 'green']);
  };
  const expectBack = async (): Promise<void> => {
    expect(await role()).toBe('old');
    expect(await host.stateOf('tracking')).toBe('online');
    expect(await host.savedList()).toContainEqual({ name: 'tracking', status: 'online' });
    const answer = await fetch(`${host.url}/`);
    expect([answer.status, answer.headers.get('x-samserver-color')]).toEqual([200, null]);
    expect(await otherApplication()).toEqual(other);
  };
  /** Every panel is connected and gets frames. */
  const panelsAreBack = async (): Promise<void> => {
    await until(() => panels.every(({ socket }) => socket.connected), 'the panels');
    const seen = panels.map(({ frames }) => frames);
    await until(() => panels.every(({ frames }, n) => frames > (seen[n] ?? 0) + 5), 'frames of all panels');
  };
  const panelFigures = (): { gapMs: number; awayMs: number } => ({
    gapMs: Math.round(Math.max(...panels.map(({ longestGapMs }) => longestGapMs))),
    awayMs: Math.round(Math.max(...panels.map(({ longestAwayMs }) => longestAwayMs))),
  });

  beforeAll(async () => {
    host = await MoveHost.start();
    database = await OldDatabase.open(host.outsideDatabaseUrl);
    for (const code of BOXES) ids.set(code, await database.addAmbulance(code));
    await host.startPm2();
    await host.startGreen();
    const token = await adminToken(host.green);
    for (const code of BOXES)
      await call(host.green, 'POST', '/api/v1/vehicles', {
        token,
        body: { callSign: `T${code}`, registration: `T${code}`, type: 'als', boxCode: code },
      });
    await host.startNginx();
    await host.soaked();
    other = await otherApplication();
    boxes = BOXES.map((code) => new Box(host.url, code));
    panels = Array.from({ length: PANELS }, () => new Panel(host.socketUrl));
    await until(async () => (await database.all('ambulance_trackings')).length === BOXES.length, 'documents');
    await panelsAreBack();
  });
  afterAll(async () => {
    await Promise.all(boxes.map((box) => box.stop()));
    panels.forEach(({ socket }) => socket.close());
    await database?.close();
    await host?.close();
  });

  it('is killed at each step and run again: no post fails', async () => {
    expect(await runs('shift', 'complete', '--dry-run')).toContain('6. take-ports');
    const refused = host.command('shift', 'complete');
    expect((await refused.exited).code).toBe(1);
    expect(refused.output).toMatch(/pictures: the picture volume was never verified/);
    expect(await host.stateOf('tracking')).toBe('online');
    for (const { name } of COMPLETE_STEPS) {
      const killed = host.command(...COMPLETE);
      await killed.waitForOutput(new RegExp(`^${name}: (?!is done)`, 'm'));
      await killed.kill();
    }
    await runs(...COMPLETE);
    await expectDone();
    expect(await otherApplication()).toEqual(other);
    expect(boxes.flatMap(({ failed }) => failed)).toEqual([]);
    await panelsAreBack();
  });

  it('brings no second writer after a reboot', async () => {
    await host.pm2('kill');
    await host.nft('delete', 'table', 'inet', 'samserver_front_door');
    // Without the table, the kernel does not translate their packets any more.
    panels.forEach(({ socket }) => socket.disconnect().connect());
    await host.pm2('resurrect');
    expect(await host.stateOf('other')).toBe('online');
    await expectDone();
    await panelsAreBack();
    other = await otherApplication();
  });

  it('goes back within two minutes: no post fails, and none is lost or doubled', async () => {
    panels.forEach((panel) => panel.reset());
    const startMs = performance.now();
    await runs('shift', 'rollback');
    const rollbackMs = Math.round(performance.now() - startMs);
    expect(rollbackMs).toBeLessThan(ROLLBACK_LIMIT_MS);
    await expectBack();
    await panelsAreBack();
    const seen = boxes.map(({ accepted }) => accepted.length);
    await until(() => boxes.every(({ accepted }, n) => accepted.length > (seen[n] ?? 0) + 2), 'posts');
    console.info(JSON.stringify({ rollbackMs, ...panelFigures() }));
  });

  it('gives way to a rollback of another terminal, between its steps', async () => {
    await host.nginx.apply('--share', 'all', '--redirect', 'on');
    await host.soaked();
    const completing = host.command(...COMPLETE);
    await completing.waitForOutput(/^stop-old-server: (?!is done)/m);
    const held = host.command('shift', 'hold');
    expect((await held.exited).code).toBe(1);
    expect(held.output).toMatch(/phase complete cannot be held/);
    await runs('shift', 'rollback');
    expect(await completing.exited).toMatchObject({ code: 130 });
    expect(completing.output).toMatch(/complete ends before [a-z-]+, by a signal or for a rollback/);
    await expectBack();
    expect(boxes.flatMap(({ failed }) => failed)).toEqual([]);
  });

  it('is continued by a rollback alone once the old server is stopped', async () => {
    await host.nginx.apply('--share', 'all', '--redirect', 'on');
    await host.soaked();
    await runs(...COMPLETE);
    const rollback = host.command('shift', 'rollback');
    await rollback.waitForOutput(/undo give-role/);
    await rollback.kill();
    const resumed = host.command('shift', 'to', 'half');
    expect((await resumed.exited).code).toBe(1);
    expect(resumed.output).toMatch(/a rollback is under way .*: samserver shift rollback/);
    await runs('shift', 'rollback');
    await expectBack();
  });

  it('runs undisturbed, and goes back with Samserver dead', async () => {
    await host.nginx.apply('--share', 'all', '--redirect', 'on');
    await host.soaked();
    await panelsAreBack();
    panels.forEach((panel) => panel.reset());
    const startMs = performance.now();
    await runs(...COMPLETE);
    const completeMs = Math.round(performance.now() - startMs);
    await expectDone();
    await panelsAreBack();
    expect(boxes.flatMap(({ failed }) => failed)).toEqual([]);
    console.info(JSON.stringify({ completeMs, ...panelFigures(), steps: await host.stepsMs() }));
    await reconcile();

    await host.killGreen();
    const backMs = performance.now();
    const output = await runs('shift', 'rollback');
    const rollbackMs = Math.round(performance.now() - backMs);
    expect(output).toContain('the role is changed in the database');
    expect(output).toContain('the old server does not get it');
    expect(rollbackMs).toBeLessThan(ROLLBACK_LIMIT_MS);
    console.info(JSON.stringify({ rollbackWithGreenDeadMs: rollbackMs }));
    await host.startGreen();
    await expectBack();
  });

  it('decommissions the old server, and brings it back from its way back', async () => {
    await host.nginx.apply('--share', 'all', '--redirect', 'on');
    await host.soaked();
    expect((await host.command('decommission', '--soak-h', '0').exited).code).toBe(1);
    await runs(...COMPLETE);
    expect((await host.command('decommission').exited).code).toBe(1);
    const output = await runs('decommission', '--soak-h', '0', '--evidence', `${host.root}/evidence`);
    expect(output).toContain('other applications stay under PM2: other');
    expect(await host.savedList()).toEqual([{ name: 'other', status: 'online' }]);
    expect(await host.listed()).toEqual([other]);
    await runs('shift', 'rollback');
    await expectBack();
  });

  /** Each accepted post is in the old collections once, whichever server wrote it. */
  async function reconcile(): Promise<void> {
    const sent = new Map(boxes.map(({ code, accepted }) => [code, accepted.slice(1)]));
    const counts = { posts: 0, doubled: [] as string[] };
    for (const [code, numbers] of sent) {
      const filter = { ambulance_id: OldDatabase.id(ids.get(code) ?? '') };
      let stored: number[] = [];
      await until(async () => {
        const histories = await database.all('ambulance_tracking_histories', filter);
        stored = histories.map(({ speed }) => Math.round(speed / KMH_STEP));
        return numbers.every((n) => stored.includes(n));
      }, `the posts of box ${code}`);
      counts.posts += numbers.length;
      counts.doubled.push(
        ...numbers.filter((n) => stored.filter((each) => each === n).length > 1).map(String),
      );
    }
    console.info(JSON.stringify(counts));
    expect(counts.doubled).toEqual([]);
  }
});
