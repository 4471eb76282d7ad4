import { CommandError, EXIT_CODES, UnavailableError } from '../../core/commands/index.js';
import { probe, type ProbeAnswer } from './http-probe.js';

const TIMEOUT_MS = 1_000;
const CHANGE_TIMEOUT_MS = 5_000;

/** The part of the answer of `/ready` that the move needs; the ops token shows all of it. */
export interface GreenReady {
  readonly status: string;
  readonly state: string;
  readonly reasons: readonly string[];
  readonly release?: {
    readonly version: string;
    readonly revision: string | null;
    readonly startedAt: string;
  };
  readonly schema?: {
    readonly current: number;
    readonly supported: { readonly min: number; readonly max: number };
  } | null;
  readonly volume?: {
    readonly manifest?: { readonly verifiedAt: string; readonly mismatched: number } | null;
  } | null;
  readonly tls?: { readonly daysLeft: number | null };
}

export interface GreenTee {
  readonly state: 'off' | 'idle' | 'passing' | 'paused' | 'held' | 'stalled';
  readonly waiting: number;
  readonly oldestMs: number;
  readonly isDrained: boolean;
}

export interface GreenRoles {
  readonly role: 'old' | 'samserver';
  readonly epoch: number | null;
}

/** Posts of boxes that green has counted since its start, whatever became of them. */
export interface CountedPosts {
  readonly direct: number;
  readonly mirror: number;
  /** Of the process: after a restart the counts begin again. */
  readonly startedAtS: number;
}

/** Samserver as the move sees it: the probes and the routes for operators. A read gives null without a good answer. */
export class GreenClient {
  /** @param url scheme, host and port of green itself, not of the front door */
  constructor(
    readonly url: string,
    private readonly opsToken: string,
  ) {}

  /** Also an answer 503 says what is wrong. */
  async ready(): Promise<GreenReady | null> {
    const answer = await this.get('/ready');
    if (answer.status === null) return null;
    const ready = parse<GreenReady>(answer.body);
    return ready !== null && Array.isArray(ready.reasons) ? ready : null;
  }

  tee(): Promise<GreenTee | null> {
    return this.read<GreenTee>('/api/v1/ops/legacy-tee');
  }

  /** @throws UnavailableError; CommandError */
  async resumeTee(): Promise<void> {
    await this.change('PUT', '/api/v1/ops/legacy-tee', { pauseS: 0 });
  }

  roles(): Promise<GreenRoles | null> {
    return this.read<GreenRoles>('/api/v1/ops/legacy-roles');
  }

  async countedPosts(): Promise<CountedPosts | null> {
    const { status, body } = await this.get('/metrics');
    return status === 200 ? parseCounts(body) : null;
  }

  /** @throws UnavailableError; CommandError with what green answers */
  async change(method: 'PUT' | 'POST', path: string, body: object): Promise<unknown> {
    const answer = await probe(`${this.url}${path}`, {
      ...{ method, timeoutMs: CHANGE_TIMEOUT_MS, body: JSON.stringify(body) },
      headers: { ...this.authorization, 'content-type': 'application/json' },
    });
    if (answer.status === null) throw new UnavailableError(`Samserver does not answer at ${this.url}`);
    if (answer.status >= 300)
      throw new CommandError(
        `Samserver answers ${answer.status} to ${method} ${path}: ${answer.body.slice(0, 300)}`,
        EXIT_CODES.FAILURE,
      );
    return parse(answer.body);
  }

  private async read<T>(path: string): Promise<T | null> {
    const { status, body } = await this.get(path);
    return status === 200 ? parse<T>(body) : null;
  }

  private get(path: string): Promise<ProbeAnswer> {
    return probe(`${this.url}${path}`, { headers: this.authorization, timeoutMs: TIMEOUT_MS });
  }

  private get authorization(): Record<string, string> {
    return { authorization: `Bearer ${this.opsToken}` };
  }
}

function parse<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}

const POSTS = /^samserver_legacy_posts_total\{[^}]*origin="(direct|mirror)"[^}]*\} (\S+)$/gm;
const STARTED = /^process_start_time_seconds (\S+)$/m;

/** @param text of `/metrics`; null when the metrics are missing */
export function parseCounts(text: string): CountedPosts | null {
  const startedAtS = Number(STARTED.exec(text)?.[1] ?? NaN);
  const counts = { direct: 0, mirror: 0 };
  let samples = 0;
  for (const [, origin, value] of text.matchAll(POSTS)) {
    counts[origin as 'direct' | 'mirror'] += Number(value);
    samples += 1;
  }
  return samples === 0 || Number.isNaN(startedAtS) ? null : { ...counts, startedAtS };
}
