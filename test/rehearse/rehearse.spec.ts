import { afterEach, expect, it, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith } from '../stack/support/front-door.js';
import { PM2 } from '../stack/support/move-host.js';
import { figuresOf, percentileMs, print, seconds } from './figures.js';
import { type Fault, QUICK, Rehearsal } from './rehearsal.js';
import type { Post } from './traffic.js';

/** `npm run rehearse` and `npm run soak` set it; without it the short part of CI runs. */
const IS_FULL = process.env['SAMSERVER_REHEARSE'] === 'full';
const OBSERVE_S = Number(process.env['SAMSERVER_REHEARSE_OBSERVE_S'] ?? 10);
const BASELINE_MS = 5_000;
const SWITCHES = IS_FULL ? 20 : 4;
jest.setTimeout(IS_FULL ? 3_600_000 : 400_000);

const describeMove = await describeWith({
  nginx: ['/usr/sbin/nginx', '-v'],
  nft: ['nft', 'list', 'tables'],
  'ip netns': ['ip', 'netns', 'list'],
  root: ['sh', '-c', 'test "$(id -u)" = 0'],
  'PM2 (npm ci --ignore-scripts --prefix test/stack/pm2)': existsSync(PM2) ? ['true'] : ['false'],
});

describeMove('the whole move, rehearsed', () => {
  let rehearsal: Rehearsal | null = null;
  afterEach(async () => {
    await rehearsal?.close();
    rehearsal = null;
  });

  const begin = async (): Promise<Rehearsal> =>
    (rehearsal = await Rehearsal.start({ observeS: OBSERVE_S, isCompared: OBSERVE_S >= 60 }));

  it('goes through with a good Samserver, and back after its end', async () => {
    const move = await begin();
    const { traffic } = move;
    await sleep(BASELINE_MS);
    const baseline = traffic.posts.map(({ ms }) => ms);
    await move.phase('preflight', () => move.preflight());
    await move.phase('images and start', () => move.prepare());
    await move.phase('front door', () => move.frontDoor());
    await move.phase('shadow', () => move.shift(['start'], 'shadow'));
    move.mirroredFromMs = Date.now();
    await move.phase('compare', () => move.compare(move.mirroredFromMs));
    await move.phase('one', () => move.shift(['to', 'one'], 'one'));
    await move.phase('half', () => move.shift(['to', 'half'], 'half'));
    await move.phase('all', () => move.shift(['to', 'all'], 'all'));
    const allFromMs = Date.now();
    await move.phase('soak', () => move.whenGood('soak'));
    const all = traffic.posts.filter(({ atMs }) => atMs > allFromMs).map(({ ms }) => ms);
    await move.phase('complete', () => move.complete());
    await move.phase('pictures again', () => move.copyPictures());
    await move.phase('decommission', () =>
      move.runsOnHost('decommission', '--soak-h', '0', '--evidence', `${move.host.root}/evidence`),
    );
    await sleep(BASELINE_MS);
    move.endOfMirror();
    await move.phase('rollback after complete', () => move.runsOnHost('shift', 'rollback'));
    await sleep(BASELINE_MS);
    await traffic.stop();
    const stored = await move.reconcile();
    await print('a good Samserver', {
      ...figuresOf(move, stored),
      'latency before the move, median, ms': percentileMs(baseline, 0.5),
      'added by the front door and the tee, median, ms': percentileMs(all, 0.5) - percentileMs(baseline, 0.5),
      'added, p99, ms': percentileMs(all, 0.99) - percentileMs(baseline, 0.99),
    });
    expect(stored).toMatchObject({ failed: [], lost: [], doubled: [], uncertain: [] });
    expect(traffic.probes.filter(({ isGood }) => !isGood)).toEqual([]);
    expect(move.durationsMs['complete']).toBeLessThan(60_000);
    expect(move.durationsMs['rollback after complete']).toBeLessThan(120_000);
  });

  /** Bad greens: how the fault begins, and what the toolkit must say. */
  const begins: Readonly<
    Record<
      string,
      {
        readonly why: RegExp;
        readonly begin: (move: Rehearsal) => Promise<void> | void;
        readonly end?: (move: Rehearsal) => Promise<void>;
      }
    >
  > = {
    errors: { why: /without a good answer/, begin: (move) => move.signalGreen() },
    slow: { why: /p99 \d+ ms/, begin: (move) => move.signalGreen() },
    'loses positions': { why: /has not counted \d+ of \d+ posts/, begin: (move) => move.signalGreen() },
    'leaks memory': {
      why: /has not answered|without a good answer|p99/,
      begin: (move) => move.signalGreen(),
      end: async (move) => {
        await move.host.killGreen();
        await move.host.startGreen();
      },
    },
    'schema too new': {
      why: /schema\.too_new/,
      begin: (move) => move.setSchemaAhead(true),
      end: (move) => move.setSchemaAhead(false),
    },
    'wrong picture volume': {
      why: /volume\.foreign/,
      begin: (move) => move.exchangeVolume(),
      end: (move) => move.exchangeVolume(),
    },
  };
  const MODULES: Readonly<Record<string, Fault>> = {
    errors: 'errors',
    slow: 'slow',
    'loses positions': 'loses',
    'leaks memory': 'leaks',
  };

  it.each(IS_FULL ? Object.keys(begins) : ['errors'])('undoes it by itself: %s', async (name) => {
    const { why, begin: beginFault, end } = begins[name] as (typeof begins)[string];
    const move = await begin();
    await move.prepare(MODULES[name] ?? null);
    await move.frontDoor();
    await move.quickTo('half');
    move.mirroredFromMs = Date.now();
    await move.whenGood('half');
    const symptomMs = Date.now();
    await beginFault(move);
    await move.phase('from the first symptom to the end of the rollback', () =>
      move.whenState(({ phase }) => phase === 'rolled-back', 'the rollback'),
    );
    const { httpAtMs, httpMs, socketsMs } = await move.rollbackTimes();
    move.endOfMirror(symptomMs);
    expect(move.watching?.output).toMatch(why);
    await sleep(BASELINE_MS);
    await end?.(move);
    await move.traffic.stop();
    // Its answers were false, or none: a box gets these, and the way back keeps their number small.
    const stored = await move.reconcile(({ atMs }) => atMs >= symptomMs - 1_000 && atMs <= httpAtMs + 1_000);
    await print(`a bad Samserver: ${name}`, {
      ...figuresOf(move, stored),
      'from the first symptom to all traffic back, s': seconds(httpAtMs - symptomMs),
      'rollback of HTTP, s': seconds(httpMs),
      'rollback of sockets, s': seconds(socketsMs),
    });
    const late = stored.failed.filter(({ atMs }) => atMs < symptomMs - 1_000 || atMs > httpAtMs + 1_000);
    expect(late).toEqual([]);
    expect(stored).toMatchObject({ lost: [], doubled: [] });
    expect(httpMs).toBeLessThan(5_000);
    expect(socketsMs).toBeLessThan(30_000);
    expect(move.traffic.probes.filter(({ isGood }) => !isGood)).toEqual([]);
  });

  it('switches there and back under load', async () => {
    const move = await begin();
    await move.prepare();
    await move.frontDoor();
    await move.quickTo('all');
    move.mirroredFromMs = Date.now();
    const switches: number[] = [];
    for (let n = 0; n < SWITCHES; n += 1) {
      const startMs = performance.now();
      const phase = n % 2 === 0 ? 'half' : 'all';
      await move.shift(['to', phase], phase, QUICK);
      switches.push(performance.now() - startMs);
      await sleep(1_000);
    }
    await move.runsOnHost('shift', 'rollback');
    // Blue alone takes posts during the rollback already.
    move.endOfMirror((await move.rollbackTimes()).beganMs);
    await move.traffic.stop();
    const stored = await move.reconcile();
    await print('switches there and back', {
      ...figuresOf(move, stored),
      switches: switches.length,
      'longest switch, s': seconds(Math.max(...switches)),
    });
    expect(stored).toMatchObject({ failed: [], lost: [], doubled: [], uncertain: [] });
    expect(Math.max(...switches)).toBeLessThan(60_000);
  });

  const itFully = IS_FULL ? it : it.skip;

  itFully('goes on after a restart of the machine in each phase', async () => {
    const move = await begin();
    const windows: [number, number][] = [];
    const reboot = async (name: string): Promise<void> => {
      await sleep(2_000);
      const fromMs = Date.now();
      await move.phase(`restart in ${name}`, () => move.host.reboot());
      windows.push([fromMs - 2_000, Date.now() + 2_000]);
    };
    await move.prepare();
    await move.frontDoor();
    for (const phase of ['shadow', 'one', 'half', 'all'] as const) {
      await move.shift(phase === 'shadow' ? ['start'] : ['to', phase], phase, QUICK);
      if (phase === 'shadow') move.mirroredFromMs = Date.now();
      await reboot(phase);
      await move.resume();
      expect((await move.state()).phase).toBe(phase === 'all' ? 'soak' : phase);
    }
    await move.whenGood('soak');
    await move.complete(QUICK);
    await reboot('done');
    expect(await move.host.stateOf('tracking')).toBe('stopped');
    await sleep(BASELINE_MS);
    await move.traffic.stop();
    const isDisturbed = ({ atMs }: Post): boolean => windows.some(([from, to]) => isWithin(atMs, from, to));
    const stored = await move.reconcile(isDisturbed);
    await print('a restart of the machine in each phase', {
      ...figuresOf(move, stored),
      'failed while the machine ran': stored.failed.filter((post) => !isDisturbed(post)).length,
    });
    expect(stored).toMatchObject({ lost: [], doubled: [] });
    expect(stored.failed.filter((post) => !isDisturbed(post))).toEqual([]);
  });
});

const isWithin = (atMs: number, fromMs: number, toMs: number): boolean => atMs >= fromMs && atMs <= toMs;
