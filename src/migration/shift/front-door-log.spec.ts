import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PLAN } from '../front-door/index.js';
import { PostReconciliation } from './counted-posts.js';
import { attemptsOf, LogTail } from './front-door-log.js';
import { parseCounts } from './green-client.js';
import { SampleWindow } from './sample-window.js';

const POST = {
  ...{ method: 'POST', path: '/api/tracking/postAmbulanceTracking', status: 200 },
  ...{ backend: '127.0.0.1:5200', backendStatus: '200', backendS: '0.012' },
};
const attempts = (change: object): unknown =>
  attemptsOf(JSON.stringify({ ...POST, ...change }), DEFAULT_PLAN);

describe('attemptsOf', () => {
  it.each<[string, object, unknown]>([
    ['a post to green', {}, [{ color: 'green', status: 200, ms: 12 }]],
    ['the socket port of blue', { backend: '127.0.0.1:5050' }, [{ color: 'blue', status: 200, ms: 12 }]],
    [
      'a fallback: green refused the connection',
      { backend: '127.0.0.1:5200, 127.0.0.1:5000', backendStatus: '502, 200', backendS: '0.001, 0.004' },
      [
        { color: 'green', status: null, ms: 1 },
        { color: 'blue', status: 200, ms: 4 },
      ],
    ],
    [
      'green hangs',
      { status: 503, backendStatus: '504', backendS: '60.001' },
      [{ color: 'green', status: null, ms: 60_001 }],
    ],
    [
      'a box that has given up',
      { status: 499, backendStatus: '', backendS: '2.001' },
      [{ color: 'green', status: null, ms: 2_001 }],
    ],
    ['a box that closed early', { status: 499, backendStatus: '', backendS: '0.300' }, []],
    ['a client that never sent its body', { status: 499, backend: '', backendStatus: '', backendS: '' }, []],
    ['another method', { method: 'GET' }, []],
    ['another path', { path: '/socket.io/' }, []],
    ['another server', { backend: '10.0.0.1:80' }, []],
  ])('%s', (_, change, expected) => expect(attempts(change)).toEqual(expected));

  it('leaves out a line that is not readable', () =>
    expect(attemptsOf('{"method":"PO', DEFAULT_PLAN)).toEqual([]));
});

describe('LogTail', () => {
  let directory: string;
  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'tail-'))));
  afterEach(() => rm(directory, { recursive: true }));

  it('reads complete lines from now on, through rotation, truncation and a late beginning', async () => {
    const path = join(directory, 'log');
    const tail = new LogTail(path);
    await tail.start();
    expect(await tail.read()).toEqual([]);
    await writeFile(path, 'a\nb');
    expect(await tail.read()).toEqual(['a']);
    await appendFile(path, 'c\n');
    expect(await tail.read()).toEqual(['bc']);
    await rename(path, `${path}.1`);
    await appendFile(`${path}.1`, 'last\n');
    await writeFile(path, 'new\n');
    expect(await tail.read()).toEqual(['last']);
    expect(await tail.read()).toEqual(['new']);
    await truncate(path);
    await appendFile(path, 'x\n');
    expect(await tail.read()).toEqual(['x']);
    await tail.close();
    const later = new LogTail(path);
    await later.start();
    expect(await later.read()).toEqual([]);
    await later.close();
  });
});

describe('parseCounts', () => {
  it('adds up all outcomes by origin, and needs the start of the process', () => {
    const posts = `samserver_legacy_posts_total{post="position",outcome="taken",origin="direct"} 3
samserver_legacy_posts_total{post="crash",outcome="failed",origin="direct"} 1
samserver_legacy_posts_total{post="position",outcome="taken",origin="mirror"} 5
`;
    expect(parseCounts(`${posts}process_start_time_seconds 17\n`)).toEqual({
      direct: 4,
      mirror: 5,
      startedAtS: 17,
    });
    expect(parseCounts(posts)).toBeNull();
    expect(parseCounts('process_start_time_seconds 17\n')).toBeNull();
  });
});

describe('PostReconciliation', () => {
  const counts = (direct: number, mirror = 0, startedAtS = 1): Parameters<PostReconciliation['read']>[0] => ({
    ...{ direct, mirror, startedAtS },
  });

  it('names posts that green answered and has not counted, a while after the answer', () => {
    const posts = new PostReconciliation();
    posts.add(0);
    posts.read(counts(100));
    for (let n = 0; n < 10; n += 1) posts.add(1_000);
    posts.read(counts(104, 2));
    expect(posts.figures(3_000)).toEqual({ expected: 0, missing: 0 });
    expect(posts.figures(5_000)).toEqual({ expected: 10, missing: 4 });
    posts.subtract(1);
    expect(posts.figures(5_000)).toEqual({ expected: 9, missing: 3 });
    posts.read(counts(120));
    expect(posts.figures(5_000)).toEqual({ expected: 9, missing: 0 });
  });

  it('begins again after a restart of green', () => {
    const posts = new PostReconciliation();
    posts.read(counts(100));
    posts.add(0);
    posts.read(counts(0, 0, 2));
    expect(posts.figures(9_000)).toEqual({ expected: 0, missing: 0 });
  });
});

describe('SampleWindow', () => {
  it('has the figures of the window: errors are no latencies, and frames need a panel', () => {
    const window = new SampleWindow(10_000);
    const add = (atMs: number, ms: number, isGood = true, isSynthetic = false): void =>
      window.add('green', { atMs, isGood, ms, isSynthetic });
    add(0, 9_999);
    for (let n = 1; n <= 98; n += 1) add(5_000, n);
    add(5_000, 700, true, true);
    add(5_000, 2_000, false);
    window.addFrame('green', 0);
    window.addFrame('green', 6_000);
    expect(window.figures('green', 11_000, 0)).toEqual({
      ...{ posts: 100, synthetic: 1, errors: 1, errorSeconds: 1, slow: 1, slowSeconds: 1 },
      ...{ p50Ms: 50, p99Ms: 700, frames: 1 },
    });
    expect(window.figures('green', 11_000, null).frames).toBeNull();
    expect(window.figures('blue', 11_000, 0)).toMatchObject({ posts: 0, p99Ms: 0, frames: 0 });
  });

  it('counts the seconds with a fault, so that one stall can be told from a fault that stays', () => {
    const window = new SampleWindow(60_000);
    for (const atMs of [1_000, 1_500, 1_999, 2_000, 9_000])
      window.add('green', { atMs, isGood: false, ms: 0, isSynthetic: false });
    for (const atMs of [3_000, 4_000])
      window.add('green', { atMs, isGood: true, ms: 501, isSynthetic: false });
    expect(window.figures('green', 10_000, null)).toMatchObject({
      errors: 5,
      errorSeconds: 3,
      slowSeconds: 2,
    });
  });

  it('counts frames since both test panels are there: one that came back late has got fewer', () => {
    const window = new SampleWindow(60_000);
    for (let atMs = 0; atMs < 10_000; atMs += 100) window.addFrame('blue', atMs);
    for (let atMs = 9_000; atMs < 10_000; atMs += 100) window.addFrame('green', atMs);
    expect(window.figures('blue', 10_000, 9_000).frames).toBe(10);
    expect(window.figures('green', 10_000, 9_000).frames).toBe(10);
  });
});
