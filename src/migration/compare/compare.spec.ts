import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LatencyHistogram } from '../../tools/replay/index.js';
import { parseGet, readGets } from './access-log.js';
import { FrameComparison } from './compare-frames.js';
import { compareGets } from './compare-gets.js';
import { compareReport, reportLines } from './compare-report.js';
import { FindingsLog } from './findings-log.js';
import { htmlReport } from './html-report.js';
import { oldPictureTimeMs } from './old-picture-time.js';

const newLog = (): FindingsLog => new FindingsLog({ firstPositionMs: new Map() }, () => true);
const never = new AbortController().signal;

describe('the time in the name of an old picture', () => {
  it.each([
    ['uploads/ambulance_images/291/2026/1/5/7_3/3_9_1234.jpg', 'UTC', '2026-01-05T07:03:09.000Z'],
    ['uploads/ambulance_images/291/2026/1/5/7_3/3_9_1234.jpg', 'Asia/Bangkok', '2026-01-05T00:03:09.000Z'],
    ['uploads/ambulance_images/a/b/2026/7/5/0_0/0_0_1.png', 'Europe/Berlin', '2026-07-04T22:00:00.000Z'],
  ])('%s in %s', (path, zone, time) => {
    expect(new Date(oldPictureTimeMs(path, zone) ?? 0).toISOString()).toBe(time);
  });

  it.each(['', 'uploads/ambulance_images/291/x.jpg', 'uploads/ambulance_images/291/2026/1/5/x/3_9_1.jpg'])(
    '%j has none',
    (path) => expect(oldPictureTimeMs(path, 'UTC')).toBeNull(),
  );
});

describe('the access log', () => {
  it.each([
    [
      '1.2.3.4 - - [30/Nov/2026:10:00:00 +0000] "GET /error_codes HTTP/1.1" 200 31 "-" "x"',
      'GET /error_codes',
    ],
    [
      'x "HEAD //uploads/ambulance_images/a.jpg?v=1 HTTP/1.0" 200',
      'HEAD //uploads/ambulance_images/a.jpg?v=1',
    ],
    ['x "POST /api/tracking/postAmbulanceTracking HTTP/1.1" 200', null],
    ['x "DELETE / HTTP/1.1" 200', null],
    ['x "GET /socket.io/?EIO=4&transport=polling HTTP/1.1" 200', null],
    ['x "GET /api/v1/ops/drain HTTP/1.1" 200', null],
    ['x "GET http://elsewhere/ HTTP/1.1" 200', null],
    ['x "GET @elsewhere/ HTTP/1.1" 200', null],
    ['x "GET /a b HTTP/1.1" 200', null],
    [`x "GET /${'a'.repeat(3_000)} HTTP/1.1" 200`, null],
  ])('%s', (line, expected) => {
    const get = parseGet(line);
    expect(get && `${get.method} ${get.target}`).toBe(expected);
  });

  it('gives each request once and at most the limit', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'compare-'));
    const path = join(directory, 'access.log');
    const lines = Array.from({ length: 1_000 }, (_, n) => `x "GET /p${n % 300} HTTP/1.1" 200`);
    await writeFile(path, lines.join('\n'));
    const gets = await readGets(path, 10);
    await rm(directory, { recursive: true });
    expect(gets.map(({ target }) => target)).toEqual(Array.from({ length: 10 }, (_, n) => `/p${90 + n}`));
  });
});

describe('requests to both servers', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
  async function listen(answer: RequestListener): Promise<string> {
    const server = createServer(answer);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('names each difference and ignores the given fields', async () => {
    const seen: string[] = [];
    const answerOf =
      (side: string): RequestListener =>
      (request, response) => {
        seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`);
        const json = (body: unknown): void => {
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify(body));
        };
        if (request.url === '/same') json(side === 'old' ? { a: 1, b: { at: 1 } } : { b: { at: 2 }, a: 1 });
        else if (request.url === '/field') json({ a: side });
        else if (request.url === '/status') response.writeHead(side === 'old' ? 200 : 404).end();
        else if (request.url?.startsWith('/redirect')) response.writeHead(302, { location: '/same' }).end();
        else if (side === 'old') response.end('text');
        else request.socket.destroy();
      };
    const urls = { old: await listen(answerOf('old')), samserver: await listen(answerOf('samserver')) };
    const log = newLog();
    const targets = ['/same', '/field', '/status', '/redirect?token=secret', '/cut?token=secret'];
    const gets = targets.map((target) => ({ method: 'GET' as const, target }));
    const latencies = await compareGets(
      { urls, gets, ratePerS: 1_000, ignoredFields: ['at'], signal: never },
      log,
    );
    expect(log.findings.map(({ box, fields }) => [box, Object.keys(fields)])).toEqual([
      ['GET /field', ['status', 'body']],
      ['GET /status', ['status']],
      ['GET /cut?…', ['status', 'body']],
    ]);
    expect(log.matched.get('get')).toBe(2);
    expect(latencies.samserver.count).toBe(5);
    // Redirects are not followed: each target was asked once of each side.
    expect(seen).toHaveLength(10);
    expect(JSON.stringify(log.findings)).not.toContain('secret');
  });
});

describe('frames of a panel on each server', () => {
  const tracking = { ambulance_id: '291', type: 'TRACKING', tracking_latitude: '1', tracking_longitude: '2' };
  const frame = (speed: number, more: object = {}): Record<string, unknown> => ({
    ...tracking,
    tracking_speed: speed,
    estimated_time: 0,
    ...more,
  });
  const snap = (n: number, path: string): Record<string, unknown> => ({
    body: { ambulance_id: '291', Time: String(n) },
    imagesObj: { image0: path },
  });

  it('names a missing frame and a field that differs, and ignores what is random in a picture’s name', () => {
    const log = newLog();
    const urls = { old: '', samserver: '' };
    const frames = new FrameComparison({ urls, lagMs: 1_000, durationMs: 0, signal: never }, log);
    const at = (n: number): string => `uploads/ambulance_images/291/2026/1/5/7_3/3_${n}_1${n}34.jpg`;
    for (const [n, each] of [frame(1), frame(2), frame(3), snap(1, at(1))].entries())
      frames.add('old', each, 1_000 * n);
    for (const [n, each] of [frame(1), frame(2, { is_assign: 1 }), snap(1, at(2))].entries())
      frames.add('samserver', each, 1_000 * n);
    frames.settle(() => true);
    expect(log.findings).toMatchObject([
      { type: 'differs', fields: { is_assign: { samserver: 1 } } },
      { type: 'missing', side: 'samserver', fields: { tracking_speed: { old: 3 } } },
    ]);
    expect(log.findings).toHaveLength(2);
    expect(log.matched.get('frame')).toBe(3);
  });
});

describe('the report', () => {
  const hostile = `<img src=x onerror=alert(1)>"'&\u202e\u0007</td><script>`;
  function report(log: FindingsLog, p99Ms = 1) {
    const latencies = { old: new LatencyHistogram(), samserver: new LatencyHistogram() };
    latencies.samserver.add(p99Ms);
    return compareReport({
      ...{ log, fromMs: 0, toMs: 60_000, lagMs: 1_000, boxes: 1, unknownBoxes: [], latencies },
      ...{ expectedKinds: ['position'], maxP99Ms: 500, isInterrupted: false },
    });
  }

  it('is a success only with data, without findings and below the limit', () => {
    const log = newLog();
    expect(report(log)).toMatchObject({
      exitCode: 1,
      problems: ['nothing to compare: no position on both servers'],
    });
    log.match('position', 20);
    expect(report(log).exitCode).toBe(0);
    expect(report(log, 501)).toMatchObject({ exitCode: 1, problems: [expect.stringContaining('p99')] });
    log.add({ kind: 'position', type: 'missing', side: 'samserver', box: '291', atMs: 1_000, fields: {} });
    expect(report(log).exitCode).toBe(1);
    expect(reportLines(report(log)).join('\n')).toContain('missing in samserver: position of 291 at 1970-');
  });

  it('keeps values short and findings few, and counts all', () => {
    const log = newLog();
    const fields = {
      long: { old: 'x'.repeat(1e6) },
      ...Object.fromEntries(Array.from({ length: 99 }, (_, n) => [n, {}])),
    };
    for (let n = 0; n < 600; n += 1)
      log.add({ kind: 'frame', type: 'missing', side: 'samserver', box: 'y'.repeat(1e3), atMs: n, fields });
    expect([log.total, log.findings.length]).toEqual([600, 500]);
    expect(JSON.stringify(log.findings[0]).length).toBeLessThan(2_000);
  });

  it('shows no text from outside as HTML or as a control character', () => {
    const log = newLog();
    const fields = { [hostile]: { old: hostile, samserver: { [hostile]: [hostile] } } };
    log.add({ kind: 'frame', type: 'differs', side: 'samserver', box: hostile, atMs: 1_000, fields });
    const html = htmlReport({ ...report(log), problems: [hostile], unknownBoxes: [hostile] });
    expect(html).not.toMatch(/<img|<script|onerror=alert\(1\)>|\u202e/);
    expect(html).not.toContain('\u0007');
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/https?:\/\//);
    const text = reportLines(report(log)).join('\n');
    for (const mark of ['\u202e', '\u0007']) expect(text).not.toContain(mark);
  });
});
