/**
 * Measures the cost of metrics and of the request log. The same Express application runs three times: without metrics,
 * with metrics, and with metrics and the request log (discarded). All get the same requests over keep-alive connections,
 * in turns, so that other load on the machine affects all of them. Ratios refer to the application without metrics in the
 * same run; the best of many short rounds counts. A request that does nothing is the worst case, because real requests
 * read a database. At the end the duration of a scrape is measured.
 *
 *   npm run build && node bench/metrics.mjs [--requests 1000] [--rounds 40]
 */
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import express from 'express';
import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { createPino, HttpTraffic, Metrics, PinoLogger, requestId } from '../dist/core/index.js';

const CONNECTIONS = 16;
const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '40' },
  },
});
const requests = Number(values.requests);

const nowhere = { write: () => undefined };
const loggerAt = (level) =>
  new PinoLogger(createPino(level, { isTerminal: false, release: { version: '0.0.0' }, to: nowhere }));
const metrics = new Metrics();
const bare = await serve(null, loggerAt('warn'));
const counted = await serve(new HttpTraffic(metrics), loggerAt('warn'));
const logged = await serve(new HttpTraffic(new Metrics()), loggerAt('info'));
const cases = [
  ['bare', bare],
  ['counted', counted],
  ['counted and logged', logged],
];

const best = new Map();
for (const [, served] of cases) await load(served, 4_000);
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const [name, served] of cases) {
    const ms = await load(served, requests);
    best.set(name, Math.min(ms, best.get(name) ?? Infinity));
  }
}
for (const [name, ms] of best) {
  const us = (ms * 1_000) / requests;
  print(
    `${name.padEnd(20)} ${us.toFixed(1).padStart(6)} µs a request   ratio ${(ms / best.get('bare')).toFixed(3)}`,
  );
}

const from = performance.now();
let text = '';
for (let n = 0; n < 100; n += 1) text = await metrics.text();
print(`scrape of ${text.split('\n').length} lines: ${((performance.now() - from) / 100).toFixed(2)} ms`);
for (const [, { server }] of cases) {
  server.close();
  server.closeAllConnections();
}

async function serve(traffic, logger) {
  const app = express();
  app.use(requestId);
  if (traffic) app.use(traffic.middleware);
  app.get('/api/v1/vehicles/:id', (_request, response) => response.json({ id: 1 }));
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  return { port: server.address().port, server, logger };
}

/** Sends all requests; each connection sends one request after the other. */
async function load({ port, logger }, count) {
  // Nest has one logger for the whole process.
  Logger.overrideLogger(logger);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let left = count;
  const startMs = performance.now();
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await get(agent, port, `/api/v1/vehicles/${left}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const ms = performance.now() - startMs;
  agent.destroy();
  return ms;
}

function get(agent, port, path) {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume();
      response.once('end', resolve);
      response.once('error', reject);
    })
      .once('error', reject)
      .end();
  });
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
