import { Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

interface Description<L extends string> {
  /** Ends with its base unit: `_seconds`, `_bytes`, `_ratio`; a counter ends with `_total`. */
  readonly name: `samserver_${string}`;
  /** One sentence for operators who do not know the code. */
  readonly help: string;
  /** Labels with few, fixed values; never an id, an address or a path. */
  readonly labelNames?: readonly L[];
}

interface CounterDescription<L extends string> extends Description<L> {
  /** The count since the start, read during a scrape, for what is counted elsewhere. */
  readonly total?: () => number;
}

interface GaugeDescription<L extends string> extends Description<L> {
  /**
   * Sets the gauge during a scrape. It must read memory only, because a scrape must work without the database. Label values
   * that it does not set are removed.
   */
  readonly collect?: (gauge: Gauge<L>) => void;
}

interface HistogramDescription<L extends string> extends Description<L> {
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
}

/**
 * The metrics of one application. Each application has its own registry, because a test process runs several. A feature
 * defines its metrics in one file (`*-metrics.ts`).
 */
@Injectable()
export class Metrics {
  private readonly logger = new Logger(Metrics.name);
  readonly registry = new Registry();

  get contentType(): string {
    return this.registry.contentType;
  }

  counter<L extends string = never>({ labelNames = [], total, ...rest }: CounterDescription<L>): Counter<L> {
    const counter: Counter<L> = new Counter<L>({
      ...rest,
      labelNames,
      registers: [this.registry],
      ...(total && {
        collect: (): void => {
          counter.reset();
          counter.inc(total());
        },
      }),
    });
    return counter;
  }

  gauge<L extends string = never>({ labelNames = [], collect, ...rest }: GaugeDescription<L>): Gauge<L> {
    const gauge: Gauge<L> = new Gauge<L>({
      ...rest,
      labelNames,
      registers: [this.registry],
      ...(collect && { collect: (): void => this.collectSafely(gauge, collect, labelNames.length > 0) }),
    });
    return gauge;
  }

  histogram<L extends string = never>(description: HistogramDescription<L>): Histogram<L> {
    const { labelNames = [], buckets, ...rest } = description;
    return new Histogram<L>({ ...rest, labelNames, buckets: [...buckets], registers: [this.registry] });
  }

  /** All metrics in the Prometheus text format 0.0.4. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** A gauge that fails is left out, so that the other metrics are still available. */
  private collectSafely<L extends string>(
    gauge: Gauge<L>,
    collect: (gauge: Gauge<L>) => void,
    hasLabels: boolean,
  ): void {
    try {
      if (hasLabels) gauge.reset();
      collect(gauge);
    } catch (error) {
      gauge.remove();
      this.logger.warn({ err: error }, 'metric not collected');
    }
  }
}
