import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { collectDefaultMetrics } from 'prom-client';
import { SETTINGS, type Settings } from '../../config/index.js';
import { EventLoopLatency } from './event-loop-latency.js';
import { Metrics } from './metrics.js';

/** Gauges that prom-client names like counters; the same by type is in what they are named after. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);
/** Timers do not hold a process; what is left is sockets, servers, files, children: what PM2 called handles. */
const NOT_HANDLES = new Set(['Timeout', 'Immediate']);

/** What every Node process shows, what the owner watched under PM2, and which build it is. */
@Injectable()
export class ProcessMetrics implements OnApplicationShutdown {
  private readonly latency = new EventLoopLatency();

  constructor(metrics: Metrics, @Inject(SETTINGS) { release }: Settings) {
    collectDefaultMetrics({ register: metrics.registry });
    for (const name of MISNAMED) metrics.registry.removeSingleMetric(name);
    metrics.gauge({
      name: 'samserver_heap_used_ratio',
      help: 'Part of the JavaScript heap that is in use, 0 to 1; V8 enlarges the heap when it has to.',
      collect: (gauge) => {
        const { heapUsed, heapTotal } = process.memoryUsage();
        gauge.set(heapUsed / heapTotal);
      },
    });
    metrics.gauge({
      name: 'samserver_event_loop_latency_mean_seconds',
      help: 'How late timers came in the last 60 s, on average.',
      collect: (gauge) => gauge.set(this.latency.meanMs / 1_000),
    });
    metrics.gauge({
      name: 'samserver_event_loop_latency_max_seconds',
      help: 'How late the latest timer came in the last 60 s: the longest block of the event loop.',
      collect: (gauge) => gauge.set(this.latency.maxMs / 1_000),
    });
    metrics.gauge({
      name: 'samserver_active_handles',
      help: 'Sockets, servers, files and child processes that are open; timers are not counted.',
      collect: (gauge) =>
        gauge.set(process.getActiveResourcesInfo().filter((type) => !NOT_HANDLES.has(type)).length),
    });
    metrics
      .gauge({
        name: 'samserver_build_info',
        help: 'Always 1; its labels say which build answers. Empty where nothing tells.',
        labelNames: ['version', 'revision', 'color'],
      })
      .set({ version: release.version, revision: release.revision ?? '', color: release.color ?? '' }, 1);
  }

  onApplicationShutdown(): void {
    this.latency.stop();
  }
}
