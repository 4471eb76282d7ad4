/**
 * The cost of metrics and of the request log: the same Express application without metrics, with metrics, and with metrics
 * and the request log (discarded). A request that does nothing is the worst case, because real requests read a database.
 */
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import express from 'express';
import { Clients } from '../support/clients.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { FLOOR, Table } from '../support/table.mjs';

const CONNECTIONS = 16;
const SCRAPES = 100;

export const about = {
  title: 'Metrics and request log',
  text: 'The floor is Express without metrics. The applications run in the process of the bench.',
};

export async function run({ programs, revisions, seconds, rounds, progress }) {
  const clients = await Clients.start(programs);
  const subjects = [];
  for (const { name, root } of revisions) {
    const core = await import(join(root, 'dist/core/index.js'));
    const loggerAt = (level) =>
      new core.PinoLogger(
        core.createPino(level, {
          isTerminal: false,
          release: { version: '0.0.0' },
          to: { write: () => undefined },
        }),
      );
    const of = (what) => (revisions.length > 1 ? `${what} (${name})` : what);
    const metrics = new core.Metrics();
    const [quiet, logging] = [loggerAt('warn'), loggerAt('info')];
    const counted = new core.HttpTraffic(metrics, quiet);
    const logged = new core.HttpTraffic(new core.Metrics(), logging);
    const served = [
      ...(subjects.length === 0 ? [{ name: FLOOR, traffic: null, logger: quiet }] : []),
      { name: of('counted'), traffic: counted, logger: quiet, metrics },
      { name: of('counted and logged'), traffic: logged, logger: logging },
    ];
    for (const each of served) {
      const server = await serve(core.requestId, each.traffic);
      const address = { port: server.address().port, path: '/api/v1/vehicles/1' };
      await clients.define(each.name, 'get', Array(CONNECTIONS).fill(address));
      subjects.push({ ...each, server });
    }
  }
  const table = new Table({
    title: 'A request that does nothing',
    metrics: [
      { name: 'cpuUs', title: 'CPU, µs a request', digits: 1, better: 'lower' },
      { name: 'scrapeMs', title: 'a scrape, ms', digits: 2, better: 'lower' },
    ],
    main: 'cpuUs',
  });
  for (let round = -1; round < rounds; round += 1)
    for (const { name, logger, metrics } of rotated(subjects, Math.max(0, round))) {
      progress(`metrics: ${roundName(round, rounds)}, ${name}`);
      // Nest has one logger for the whole process.
      Logger.overrideLogger(logger);
      const load = { seconds, inFlight: CONNECTIONS };
      const { done, cpuS } = await clients.run(name, 'closedLoop', load, { service: process.pid });
      if (round < 0) continue;
      const scrapeMs = metrics && (await scrape(metrics));
      table.add('request', name, { cpuUs: (cpuS.service * 1e6) / done, ...(scrapeMs && { scrapeMs }) });
    }
  for (const { server } of subjects) {
    server.close();
    server.closeAllConnections();
  }
  return [table];
}

async function scrape(metrics) {
  const fromMs = performance.now();
  for (let n = 0; n < SCRAPES; n += 1) await metrics.text();
  return (performance.now() - fromMs) / SCRAPES;
}

async function serve(requestId, traffic) {
  const app = express();
  app.use(requestId);
  if (traffic) app.use(traffic.middleware);
  app.get('/api/v1/vehicles/:id', (_request, response) => response.json({ id: 1 }));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
