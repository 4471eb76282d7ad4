import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { collectDefaultMetrics } from 'prom-client';
import { SETTINGS, type Settings } from '../../config/index.js';
import { Metrics } from './metrics.js';

const SAMPLE_INTERVAL_MS = 100;
const WINDOW_SAMPLES = 600;

/**
 * How late timers fire, over the last minute; the process manager of the old server calls this event loop latency. Takes
 * ten samples a second. A block of the event loop counts with its full length, which perf_hooks.monitorEventLoopDelay does
 * not give for a sliding window.
 */
export class EventLoopLatency {
  private readonly latenessMs = new Float64Array(WINDOW_SAMPLES);
  private count = 0;
  private dueMs = performance.now() + SAMPLE_INTERVAL_MS;
  private readonly timer: NodeJS.Timeout;

  constructor() {
    this.timer = setInterval(() => this.sample(), SAMPLE_INTERVAL_MS);
    this.timer.unref();
  }

  /** NaN before the first sample. */
  get meanMs(): number {
    const kept = this.kept();
    return kept.reduce((sum, each) => sum + each, 0) / kept.length;
  }

  /** NaN before the first sample. */
  get maxMs(): number {
    return this.count === 0 ? NaN : Math.max(...this.kept());
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private sample(): void {
    const nowMs = performance.now();
    this.latenessMs[this.count % WINDOW_SAMPLES] = Math.max(0, nowMs - this.dueMs);
    this.count += 1;
    // Counted from now: one late sample must not make the following samples late.
    this.dueMs = nowMs + SAMPLE_INTERVAL_MS;
  }

  private kept(): Float64Array {
    return this.latenessMs.subarray(0, Math.min(this.count, WINDOW_SAMPLES));
  }
}

/** Gauges with names of counters; prom-client exports the same figures by type under names without `_total`. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);
/** The rest (sockets, servers, files, child processes) is what PM2 calls active handles. */
const NOT_HANDLES = new Set(['Timeout', 'Immediate']);

/** The default metrics of Node, the figures that PM2 shows, and the identity of the build. */
@Injectable()
export class ProcessMetrics implements OnApplicationShutdown {
  private readonly latency = new EventLoopLatency();

  constructor(metrics: Metrics, @Inject(SETTINGS) { release }: Settings) {
    collectDefaultMetrics({ register: metrics.registry });
    for (const name of MISNAMED) metrics.registry.removeSingleMetric(name);
    metrics.gauge({
      name: 'samserver_heap_used_ratio',
      help: 'Used share of the JavaScript heap, 0 to 1. V8 enlarges the heap when needed.',
      collect: (gauge) => {
        const { heapUsed, heapTotal } = process.memoryUsage();
        gauge.set(heapUsed / heapTotal);
      },
    });
    metrics.gauge({
      name: 'samserver_event_loop_latency_mean_seconds',
      help: 'Mean delay of timers in the last 60 s.',
      collect: (gauge) => gauge.set(this.latency.meanMs / 1_000),
    });
    metrics.gauge({
      name: 'samserver_event_loop_latency_max_seconds',
      help: 'Largest delay of a timer in the last 60 s: the longest block of the event loop.',
      collect: (gauge) => gauge.set(this.latency.maxMs / 1_000),
    });
    metrics.gauge({
      name: 'samserver_active_handles',
      help: 'Open sockets, servers, files and child processes, without timers.',
      collect: (gauge) =>
        gauge.set(process.getActiveResourcesInfo().filter((type) => !NOT_HANDLES.has(type)).length),
    });
    metrics
      .gauge({
        name: 'samserver_build_info',
        help: 'Always 1. The labels identify the build; an unknown label is empty.',
        labelNames: ['version', 'revision', 'color'],
      })
      .set({ version: release.version, revision: release.revision ?? '', color: release.color ?? '' }, 1);
  }

  onApplicationShutdown(): void {
    this.latency.stop();
  }
}
