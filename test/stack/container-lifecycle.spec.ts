import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FleetVehicle, makeFleet, SendingDevice } from '../support/fleet.js';
import { until } from '../support/sockets.js';
import { cpuS, describeOnEngine, docker, inspect, memoryMb } from './support/engine.js';
import { compareAcknowledged } from './support/acknowledged-positions.js';
import { Stack } from './support/stack.js';

/** `npm run soak` sets ten minutes. */
const DURATION_S = Number(process.env['SAMSERVER_STACK_LOAD_S'] ?? 60);
const DEVICES = 1_000;
const EVERY_MS = 1_000;
/** Below the service's 256 MB; measured peaks are 157 to 197. The plan's 150 is the alert: docker/README.md. */
const MEMORY_MB = 230;
/** The plan allows five minutes. */
const START_S = 300;

/** Command that sends a signal to the service. PID 1 is an init. */
const signalCommand = (signal: string): string[] => [
  ...['/bin/bash', '-c'],
  `for each in /proc/[1-9]*; do [[ $(tr '\\0' ' ' <$each/cmdline) == 'node '* ]] && kill -${signal} \${each#/proc/}; done`,
];

describeOnEngine('the service in its container', () => {
  let stack: Stack;
  let vehicles: FleetVehicle[];
  let startS = 0;
  let devices: SendingDevice[] = [];
  /** A device sends until it is stopped, also after a failed test. */
  afterEach(async () => {
    await Promise.all(devices.map((device) => device.stop(1_000)));
    devices = [];
  });

  beforeAll(async () => {
    stack = await Stack.make();
    const startMs = performance.now();
    await stack.start();
    await Promise.all(['blue', 'redis', 'mongo'].map((service) => stack.untilHealthy(service)));
    startS = (performance.now() - startMs) / 1_000;
    const admin = await stack.admin();
    const lanes = await Promise.all(
      Array.from({ length: 8 }, (_, lane) => makeFleet(stack.url(), admin, DEVICES / 8, `S${lane}`)),
    );
    vehicles = lanes.flatMap((lane) => lane.vehicles);
  }, 600_000);
  afterAll(() => stack.close(), 120_000);

  it('becomes healthy within the time of the plan', () => {
    console.info(`from nothing to healthy: ${startS.toFixed(1)} s`);
    expect(startS).toBeLessThan(START_S);
  });

  it(
    `carries ${DEVICES} devices at 1 Hz for ${DURATION_S} s within ${MEMORY_MB} MB and loses no position`,
    async () => {
      const blue = stack.container('blue');
      const idleMb = await memoryMb(blue);
      const cpuBeforeS = await cpuS(blue);
      const samplesMb: number[] = [];
      const sampling = setInterval(() => void memoryMb(blue).then((mb) => samplesMb.push(mb)), 500);
      try {
        // Reports are spread over a second, as with real devices; connections are spread over ten seconds.
        for (const vehicle of vehicles) {
          devices.push(new SendingDevice(stack.socketUrl(), vehicle, EVERY_MS));
          await sleep(10_000 / DEVICES);
        }
        await sleep(DURATION_S * 1_000);
      } finally {
        clearInterval(sampling);
      }
      const ends = await Promise.all(devices.map((device) => device.stop()));
      const usedS = (await cpuS(blue)) - cpuBeforeS;
      const { lost, duplicated, acknowledged } = await compareAcknowledged(stack, devices);
      const sorted = samplesMb.sort((one, other) => one - other);
      const peakMb = sorted.at(-1) ?? NaN;
      const medianMb = sorted[Math.floor(sorted.length / 2)] ?? NaN;
      console.info(
        `memory: ${idleMb.toFixed(0)} MB idle, median ${medianMb.toFixed(0)} MB and peak ${peakMb.toFixed(0)} MB under load; ` +
          `${acknowledged} positions acknowledged, ${(acknowledged / DURATION_S).toFixed(0)} a second, ` +
          `${((usedS / acknowledged) * 1e6).toFixed(0)} µs of processor each`,
      );
      expect(ends.filter(({ unacknowledged }) => unacknowledged > 0)).toEqual([]);
      expect(devices.flatMap(({ refused }) => refused)).toEqual([]);
      // Without a real load the test would prove nothing.
      expect(acknowledged).toBeGreaterThan(DEVICES * DURATION_S * 0.8);
      expect({ lost, duplicated }).toEqual({ lost: [], duplicated: [] });
      expect(await inspect(blue, '.State.OOMKilled')).toBe('false');
      expect(await inspect(blue, '.RestartCount')).toBe('0');
      expect(peakMb).toBeLessThanOrEqual(MEMORY_MB);
    },
    (DURATION_S + 180) * 1_000,
  );

  it('exits with 0 within the grace period when it is stopped under load, and acknowledged positions are stored', async () => {
    const blue = stack.container('blue');
    const devices = vehicles
      .slice(0, 200)
      .map((vehicle) => new SendingDevice(stack.socketUrl(), vehicle, 500));
    await until(() => devices.every((device) => device.acknowledged.size > 0), 'all devices to send');
    const startMs = performance.now();
    // Without a time: the grace period of compose.yml applies.
    await docker(['stop', blue]);
    const tookS = (performance.now() - startMs) / 1_000;
    expect(await inspect(blue, '.State.ExitCode')).toBe('0');
    expect(await inspect(blue, '.State.OOMKilled')).toBe('false');
    const atStop = await compareAcknowledged(stack, devices);
    expect(atStop.lost).toEqual([]);
    await docker(['start', blue]);
    await sleep(2_000);
    const ends = await Promise.all(devices.map((device) => device.stop(60_000)));
    const after = await compareAcknowledged(stack, devices);
    console.info(
      `stopped in ${tookS.toFixed(1)} s with ${atStop.acknowledged} positions acknowledged; ${after.acknowledged} at the end`,
    );
    expect(ends.filter(({ unacknowledged }) => unacknowledged > 0)).toEqual([]);
    expect(after.acknowledged).toBeGreaterThan(atStop.acknowledged);
    expect(after).toMatchObject({ lost: [], duplicated: [] });
    await stack.untilHealthy('blue');
  });

  it('is unhealthy while it is stopped by SIGSTOP, and healthy again after it continues', async () => {
    const blue = stack.container('blue');
    await stack.untilHealthy('blue');
    await docker(['exec', blue, ...signalCommand('STOP')]);
    await until(async () => (await stack.health('blue')) === 'unhealthy', 'unhealthy');
    await docker(['exec', blue, ...signalCommand('CONT')]);
    await stack.untilHealthy('blue');
    const restarts = await inspect(blue, '.RestartCount');
    console.info(
      restarts === '0' ? 'the process continued' : 'the watchdog ended the process, and Docker restarted it',
    );
  }, 240_000);
});
