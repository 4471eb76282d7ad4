#!/usr/bin/env node
import { existsSync } from 'node:fs';

// Loading the service takes a second or two. As process 1 of a container a signal without a handler is not even noticed,
// and `docker stop` would wait until it kills: until the service takes over, there is nobody to let go of.
const exitEarly = (): never => process.exit(0);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, exitEarly);

if (existsSync('.env')) process.loadEnvFile('.env');
const { runService } = await import('./service-process.js');
const running = runService(process.env);
// Only now: between the last handler gone and the first one there, a signal would be lost.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, exitEarly);
await running;
