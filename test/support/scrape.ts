import { call } from './http.js';
import { OPS_TOKEN } from './test-service.js';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of one scrape of /metrics. */
export class Scrape {
  readonly samples: readonly Sample[];

  constructor(readonly text: string) {
    this.samples = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map(parseSample);
  }

  static async of(service: { readonly url: string }): Promise<Scrape> {
    const { status, body } = await call(service, 'GET', '/metrics', { token: OPS_TOKEN });
    if (status !== 200) throw new Error(`no metrics: ${status} ${JSON.stringify(body)}`);
    return new Scrape(body as string);
  }

  /** Sum of all samples with these labels; undefined without such a sample. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }

  /** Every value of a label, over all metrics. */
  labelValues(label: string): Set<string> {
    return new Set(this.samples.flatMap(({ labels }) => labels[label] ?? []));
  }
}

function parseSample(line: string): Sample {
  const match = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/i.exec(line);
  if (!match?.[1] || !match[3]) throw new Error(`no sample: ${line}`);
  const labels = [...(match[2] ?? '').matchAll(/([a-z_]\w*)="((?:[^"\\]|\\.)*)"/gi)];
  const text = match[3].replace(/^\+Inf$/, 'Infinity');
  return {
    name: match[1],
    labels: Object.fromEntries(labels.map(([, key, value]) => [key, value])),
    value: Number(text),
  };
}
