import { Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

interface Description<L extends string> {
  /** With its base unit: `_seconds`, `_bytes`, `_ratio`; a counter ends with `_total`. */
  readonly name: `samserver_${string}`;
  /** One sentence that an operator understands who has never seen the code. */
  readonly help: string;
  /** Only what has few values that we chose: never an id, an address or a path. */
  readonly labelNames?: readonly L[];
}

export interface GaugeDescription<L extends string> extends Description<L> {
  /**
   * Sets it when somebody looks. From memory only: a scrape must be answered while the database is away. Of a gauge
   * with labels, what it does not set is gone.
   */
  readonly collect?: (gauge: Gauge<L>) => void;
}

export interface HistogramDescription<L extends string> extends Description<L> {
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
}

/**
 * The figures of one application: a registry of its own, because several applications live in one test process. A room
 * makes its figures in a file of its own (`*-metrics.ts`) and gives its services one-line calls.
 */
@Injectable()
export class Metrics {
  private readonly logger = new Logger(Metrics.name);
  readonly registry = new Registry();

  get contentType(): string {
    return this.registry.contentType;
  }

  counter<L extends string = never>({ labelNames = [], ...rest }: Description<L>): Counter<L> {
    return new Counter<L>({ ...rest, labelNames, registers: [this.registry] });
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

  /** All of them in Prometheus' text format 0.0.4. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** One figure that cannot be had must not take the others with it. */
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
      this.logger.warn({ err: error }, 'a figure could not be collected');
    }
  }
}
