import { afterEach, expect, it, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith } from '../stack/support/front-door.js';
import { PM2 } from '../stack/support/move-host.js';
import { figuresOf, percentileMs, print } from './figures.js';
import { Rehearsal } from './rehearsal.js';

/** `npm run rehearse` and `npm run soak` set it; without it the short part of CI runs. */
const IS_FULL = process.env['SAMSERVER_REHEARSE'] === 'full';
const OBSERVE_S = Number(process.env['SAMSERVER_REHEARSE_OBSERVE_S'] ?? 10);
const BASELINE_MS = 5_000;
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
    await move.phase('soak', () => move.whenState(({ phase }) => phase === 'soak', 'the soak'));
    const all = traffic.posts.filter(({ atMs }) => atMs > allFromMs).map(({ ms }) => ms);
    await move.phase('complete', () => move.runsOnHost('shift', 'complete'));
    await move.phase('pictures again', () => move.copyPictures());
    await move.phase('decommission', () =>
      move.runsOnHost('decommission', '--soak-h', '0', '--evidence', `${move.host.root}/evidence`),
    );
    await sleep(BASELINE_MS);
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
});
