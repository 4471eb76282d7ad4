#!/usr/bin/env node
// Loading the service takes one or two seconds. Process 1 of a container ignores a signal without a handler, and
// `docker stop` would wait for its timeout and kill. Before the service runs there is nothing to drain.
const exitEarly = (): never => process.exit(0);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, exitEarly);

const { runService } = await import('./service-process.js');
const running = runService(process.env);
// `runService` has registered its own handlers by now, so a handler exists at any time.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, exitEarly);
await running;
