import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GreenGap } from '../../src/migration/front-door/green-gaps.js';
import { prepareJpegs } from '../../src/tools/boxes/index.js';
import { OldPanelClient } from '../../src/tools/client/index.js';
import { until } from '../support/sockets.js';
import { describeWith } from './support/front-door.js';
import { KMH_STEP, NumberedBoxes, type SentPost } from './support/numbered-boxes.js';
import { type Copies, PM2, TwoServers } from './support/two-servers.js';

/** Length of each share and of the load before and after a fault; `npm run soak` sets more. */
const PART_MS = 1_000 * Number(process.env['SAMSERVER_SIDE_BY_SIDE_S'] ?? 2);
/** A test has seven parts at most. */
jest.setTimeout(180_000 + 7 * PART_MS);
const CODES = Array.from({ length: 16 }, (_, index) => String(301 + index));
const NEW_CODE = '399';
const INDEXES = new Map([...CODES, NEW_CODE].map((code, index) => [code, index]));
/** The old server answers first and stores later: what it answered shortly before its end can be lost there. */
const OLD_LOSS_MS = 2_000;
/** nginx logs the end of a request in whole seconds. */
const GAP_SLACK_MS = 3_500;

const describeStack = await describeWith({
  nginx: ['/usr/sbin/nginx', '-v'],
  // Any command of PM2 would start a daemon.
  'PM2 (npm ci --ignore-scripts --prefix test/stack/pm2)': ['test', '-e', PM2],
});

interface Allowed {
  /** Blue ended at these times. */
  readonly blueEnds?: readonly number[];
  /** A post can get another answer than 200. */
  readonly refusals?: boolean;
  /** Blue hung: what green took meanwhile is too old for blue, and owed. */
  readonly owed?: boolean;
}

describeStack('the old server under PM2 and Samserver side by side', () => {
  let servers: TwoServers;
  let boxes: NumberedBoxes;
  beforeAll(async () => {
    servers = await TwoServers.start(CODES);
    const indexes = new Map([...INDEXES].filter(([code]) => code !== NEW_CODE));
    boxes = new NumberedBoxes(servers.nginx.url, indexes, await prepareJpegs());
    // The first requests of a process take longer than a box waits.
    await boxes.begin();
    await boxes.during(() => sleep(1_000));
  });
  afterAll(() => servers.close());

  const accepted = (sent: readonly SentPost[]): SentPost[] => sent.filter(({ end }) => end === 200);
  const isIn = (gaps: readonly GreenGap[], { atMs }: SentPost): boolean =>
    gaps.some(({ fromMs, toMs }) => atMs >= fromMs - GAP_SLACK_MS && atMs <= toMs + GAP_SLACK_MS);

  /** Each post once on each side, or named. */
  async function reconcile(
    sent: readonly SentPost[],
    { blueEnds = [], refusals = false, owed = false }: Allowed = {},
  ) {
    expect(sent.filter(({ end }) => end === 'timeout')).toEqual([]);
    if (!refusals) expect(sent.filter(({ end }) => end !== 200)).toEqual([]);
    await until(() => servers.isTeeDrained(), 'a drained tee');
    const gaps = await servers.gaps();
    const owedNames = owed ? await servers.owedPositions(boxes.indexes) : new Set<string>();
    const wasLostByBlue = ({ atMs }: SentPost): boolean =>
      blueEnds.some((at) => atMs > at - OLD_LOSS_MS && atMs < at + OLD_LOSS_MS);
    const read = async (): Promise<[Copies, Copies]> => [
      await servers.onBlue(boxes.indexes),
      await servers.onGreen(boxes.indexes),
    ];
    let [blue, green] = await read();
    const missing = () => ({
      blue: accepted(sent).filter(
        (post) => !blue.has(post.name) && !wasLostByBlue(post) && !owedNames.has(post.name),
      ),
      green: accepted(sent).filter((post) => !green.has(post.name) && !isIn(gaps, post)),
    });
    // Both servers answer before they have stored everything.
    await until(async () => {
      if (missing().blue.length + missing().green.length === 0) return true;
      [blue, green] = await read();
      return false;
    }, 'the stores').catch(() => undefined);
    expect(missing()).toEqual({ blue: [], green: [] });
    const names = new Set(sent.map(({ name }) => name));
    for (const copies of [blue, green])
      expect([...copies].filter(([name, count]) => count > 1 && names.has(name))).toEqual([]);
    const figures = {
      sent: sent.length,
      refused: sent.length - accepted(sent).length,
      notOnGreen: accepted(sent).filter(({ name }) => !green.has(name)).length,
      notOnBlue: accepted(sent).filter(({ name }) => !blue.has(name)).length,
      owed: owedNames.size,
    };
    console.info(`${expect.getState().currentTestName}: ${JSON.stringify(figures)}`);
    return figures;
  }

  it('have every post once on each side and at each panel: shares none, one, half, all and back', async () => {
    const shown = { blue: new Map<string, number>(), green: new Map<string, number>() };
    const panel = (color: 'blue' | 'green', url: string): OldPanelClient =>
      new OldPanelClient(url, ['tracking'], (frame) => {
        const n = Math.round(Number(frame['tracking_speed']) / KMH_STEP);
        const name = `position ${String(frame['ambulance_id'])} ${n}`;
        shown[color].set(name, (shown[color].get(name) ?? 0) + 1);
      });
    const { nginx, greenPorts } = servers;
    const panels = [
      panel('blue', `http://127.0.0.1:${nginx.ports.sockets}`),
      panel('green', `http://127.0.0.1:${greenPorts.socket}`),
    ];
    try {
      await Promise.all(panels.map((each) => each.connect(10_000)));
      const sent = await boxes.during(async () => {
        for (const share of ['none', 'one', 'half', 'all', 'half', 'one', 'none']) {
          await nginx.apply('--share', share, '--box-addresses', NumberedBoxes.addressOf(2));
          await sleep(PART_MS);
        }
      });
      expect(await reconcile(sent)).toMatchObject({ notOnGreen: 0, notOnBlue: 0 });
      const positions = sent.map(({ name }) => name).filter((name) => name.startsWith('position'));
      for (const frames of Object.values(shown)) {
        const counts = (): (number | undefined)[] => positions.map((name) => frames.get(name));
        await until(() => counts().every((count) => count !== undefined), 'every frame');
        expect(new Set(counts())).toEqual(new Set([1]));
      }
    } finally {
      panels.forEach((each) => each.close());
    }
  });

  it('green is stopped and started', async () => {
    await servers.nginx.apply('--share', 'half');
    const sent = await boxes.during(async () => {
      await sleep(PART_MS);
      await servers.stopGreen('SIGTERM');
      await sleep(PART_MS);
      await servers.startGreen();
      await sleep(PART_MS);
    });
    expect((await reconcile(sent, { refusals: true })).notOnGreen).toBeGreaterThan(0);
  });

  it.each(['none', 'half'])('share %s: green hangs for 5 s', async (share) => {
    await servers.nginx.apply('--share', share);
    const sent = await boxes.during(async () => {
      await sleep(PART_MS);
      servers.greenProcess.child.kill('SIGSTOP');
      await sleep(5_000);
      servers.greenProcess.child.kill('SIGCONT');
      await sleep(PART_MS);
    });
    await reconcile(sent, { refusals: share !== 'none' });
  });

  it.each(['none', 'half'])('share %s: green is killed and started', async (share) => {
    await servers.nginx.apply('--share', share);
    const sent = await boxes.during(async () => {
      await sleep(PART_MS);
      await servers.stopGreen('SIGKILL');
      await sleep(PART_MS);
      await servers.startGreen();
      await sleep(PART_MS);
    });
    await reconcile(sent, { refusals: share !== 'none' });
  });

  it('blue is killed, and ended by a crash report; PM2 restarts it', async () => {
    await servers.nginx.apply('--share', 'half');
    const blueEnds: number[] = [];
    const sent = await boxes.during(async () => {
      await sleep(PART_MS);
      blueEnds.push(Date.now());
      await servers.killBlue();
      await sleep(PART_MS);
      blueEnds.push(Date.now());
      await boxes.crash(CODES[3] ?? '');
      await sleep(PART_MS);
      await servers.whenBlueUp();
    });
    await reconcile(sent, { blueEnds, refusals: true });
  });

  it('the database is away for 20 s', async () => {
    await servers.nginx.apply('--share', 'half');
    const sent = await boxes.during(async () => {
      await sleep(PART_MS);
      servers.database.child.kill('SIGSTOP');
      await sleep(20_000);
      servers.database.child.kill('SIGCONT');
      await sleep(PART_MS);
    });
    await reconcile(sent, { refusals: true, owed: true });
  });

  it('an ambulance is added on the old side while boxes post', async () => {
    await servers.nginx.apply('--share', 'half');
    const all = new NumberedBoxes(servers.nginx.url, new Map([[NEW_CODE, 16]]), await prepareJpegs());
    await servers.shared.addAmbulance(NEW_CODE);
    await all.begin();
    let knownAtMs = 0;
    const sent = await all.during(async () => {
      await until(async () => (await servers.readVehicles()).has(NEW_CODE), 'the vehicle on green');
      knownAtMs = Date.now();
      await sleep(PART_MS);
    });
    expect(sent.filter(({ end }) => end !== 200)).toEqual([]);
    // Before green knows the box and afterwards.
    expect(sent.filter(({ atMs }) => atMs < knownAtMs).length).toBeGreaterThan(0);
    expect(sent.filter(({ atMs }) => atMs > knownAtMs).length).toBeGreaterThan(0);
    await until(async () => {
      const blue = await servers.onBlue(all.indexes);
      return sent.every(({ name }) => blue.get(name) === 1);
    }, 'each post on blue, once');
    const last = sent.filter(({ atMs }) => atMs > knownAtMs).at(-1)?.name ?? '';
    await until(async () => (await servers.onGreen(all.indexes)).has(last), 'the last post on green');
  });
});
