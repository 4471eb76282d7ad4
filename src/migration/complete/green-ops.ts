import type { LegacyRole } from '../../config/index.js';
import { CommandError, EXIT_CODES, UnavailableError } from '../../core/commands/index.js';

const TIME_LIMIT_MS = 3_000;
const MAX_ANSWER_CHARACTERS = 4_000_000;

export interface RoleStatus {
  readonly role: LegacyRole;
  /** 0 before the first change. */
  readonly epoch: number;
}

export interface TeeStatus {
  readonly state: 'off' | 'idle' | 'passing' | 'paused' | 'held' | 'stalled';
  readonly waiting: number;
  readonly inFlight: number;
  readonly oldestMs: number;
  readonly isDrained: boolean;
}

/** What Samserver (green) answers to its operators. */
export class GreenOps {
  /**
   * @param url origin of Samserver itself, past the front door
   * @param token OPS_TOKEN
   */
  constructor(
    readonly url: string,
    private readonly token: string,
    private readonly signal: AbortSignal,
  ) {}

  async isReady(): Promise<boolean> {
    const answer = await this.ask('GET', '/ready');
    return answer.status === 200;
  }

  async role(): Promise<RoleStatus> {
    const { role, epoch } = await this.json<{ role: LegacyRole; epoch: number | null }>(
      'GET',
      '/api/v1/ops/legacy-roles',
    );
    return { role, epoch: epoch ?? 0 };
  }

  /** @param epoch that the decision is based on @throws CommandError when it has changed */
  async changeRole(role: LegacyRole, epoch: number, by: string, why: string): Promise<void> {
    await this.json('PUT', '/api/v1/ops/legacy-roles', { role, epoch, by, why });
  }

  tee(): Promise<TeeStatus> {
    return this.json('GET', '/api/v1/ops/legacy-tee');
  }

  /** @param seconds 0: posts are passed on again */
  pauseTee(seconds: number): Promise<TeeStatus> {
    return this.json('PUT', '/api/v1/ops/legacy-tee', { pauseS: seconds });
  }

  /** Connected panels of the old kind. */
  async panels(): Promise<number> {
    const counts = await this.metric(/^samserver_sockets\{[^}]*namespace="\/"[^}]*\} (\S+)$/gm);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** What Samserver has taken and not written into the shared collections yet, for an operator. */
  async notWritten(): Promise<string[]> {
    const [lagS, posts] = [
      Math.max(0, ...(await this.metric(/^samserver_legacy_collections_lag_seconds\S* (\S+)$/gm))),
      (await this.metric(/^samserver_legacy_spool_posts\S* (\S+)$/gm)).reduce((sum, count) => sum + count, 0),
    ];
    return [
      `Samserver keeps what it has not written into the old collections: ${posts} posts in its spool, and what arrived in the ` +
        `last ${Math.ceil(lagS * 10) / 10} s. The old server does not get it; Samserver writes it when it has the role again.`,
    ];
  }

  private async metric(pattern: RegExp): Promise<number[]> {
    const { body } = await this.ask('GET', '/metrics');
    return [...body.matchAll(pattern)].map(([, value]) => Number(value));
  }

  private async json<T>(method: string, path: string, content?: object): Promise<T> {
    const { status, body } = await this.ask(method, path, content);
    if (status !== 200)
      throw new CommandError(
        `Samserver answers ${status} to ${method} ${path}: ${body.slice(0, 300)}`,
        status === 401 || status === 403 ? EXIT_CODES.NO_PERMISSION : EXIT_CODES.FAILURE,
      );
    return JSON.parse(body) as T;
  }

  private async ask(
    method: string,
    path: string,
    content?: object,
  ): Promise<{ readonly status: number; readonly body: string }> {
    try {
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${this.token}`,
          ...(content && { 'Content-Type': 'application/json' }),
        },
        ...(content && { body: JSON.stringify(content) }),
        redirect: 'manual',
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(TIME_LIMIT_MS)]),
      });
      return { status: response.status, body: (await response.text()).slice(0, MAX_ANSWER_CHARACTERS) };
    } catch (error) {
      throw new UnavailableError(`Samserver does not answer at ${this.url}`, { cause: error });
    }
  }
}
