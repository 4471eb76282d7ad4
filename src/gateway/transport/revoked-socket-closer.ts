import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { RevocationPoller, isRevokedBy, type Principal, type Revocation } from '../../auth/index.js';
import { EventStream } from '../../cluster/index.js';
import { type BackgroundJob, BackgroundJobs, EventBus } from '../../core/index.js';

/** While events of an instance do not arrive, its revocations close sockets here after this time at most. */
const CHECK_INTERVAL_MS = 5_000;
/** Second line of defence while all events arrive: the check reads storage for every socket. */
const QUIET_CHECK_INTERVAL_MS = 30_000;
/** New sockets of this time are checked with one query: 10,000 devices may reconnect at once. */
const JOIN_BATCH_MS = 50;

interface GuardedSocket {
  readonly data: { readonly principal: Principal };
  /** Not `disconnect()`, which stops a client's reconnecting: the client reconnects and gets the `connect_error`. */
  readonly conn: { close(): void };
}

interface GuardedNamespace {
  readonly sockets: ReadonlyMap<string, GuardedSocket>;
  on(event: 'connection', listener: (socket: GuardedSocket) => void): unknown;
}

/**
 * Closes sockets whose access was revoked on any instance: at once when the event arrives here, else by a check of all
 * sockets in storage. A new socket is checked once more right after it connects, because its access may have been revoked
 * during the handshake.
 */
@Injectable()
export class RevokedSocketCloser implements OnApplicationBootstrap {
  private readonly logger = new Logger(RevokedSocketCloser.name);
  private readonly namespaces: GuardedNamespace[] = [];
  private joined: GuardedSocket[] = [];
  private job: BackgroundJob | null = null;
  /** Of the last check of all sockets that succeeded, monotonic; -Infinity: a check is due. */
  private checkedAtMs = -Infinity;

  constructor(
    private readonly access: RevocationPoller,
    private readonly stream: EventStream,
    private readonly jobs: BackgroundJobs,
    events: EventBus,
  ) {
    events.subscribe('access.revoked', (revocation) => this.closeMatching(revocation));
    events.subscribe('cluster.events-missed', () => {
      this.checkedAtMs = -Infinity;
      this.job?.trigger();
    });
  }

  onApplicationBootstrap(): void {
    this.job = this.jobs.start({
      name: 'socket-revocations',
      intervalMs: CHECK_INTERVAL_MS,
      run: () => this.checkAll(),
    });
  }

  guard(namespace: GuardedNamespace): void {
    this.namespaces.push(namespace);
    namespace.on('connection', (socket) => this.checkSoon(socket));
  }

  /** Checks a socket that has a new principal: its access may have been revoked while it was verified. */
  checkSoon(socket: GuardedSocket): void {
    this.joined.push(socket);
    if (this.joined.length === 1) setTimeout(() => void this.checkJoined(), JOIN_BATCH_MS).unref();
  }

  private closeMatching(revocation: Revocation): void {
    for (const socket of this.sockets()) {
      if (isRevokedBy(socket.data.principal, revocation)) socket.conn.close();
    }
  }

  private async checkAll(): Promise<void> {
    const nowMs = performance.now();
    if (this.stream.receivesFromAll && nowMs - this.checkedAtMs < QUIET_CHECK_INTERVAL_MS) return;
    // Before the check: events that are missed during it make another check due.
    this.checkedAtMs = nowMs;
    await this.check(this.sockets());
  }

  private async checkJoined(): Promise<void> {
    const joined = this.joined;
    this.joined = [];
    await this.check(joined);
  }

  private async check(sockets: readonly GuardedSocket[]): Promise<void> {
    if (sockets.length === 0) return;
    try {
      const ended = await this.access.findRevokedPrincipals(sockets.map(({ data }) => data.principal));
      for (const socket of sockets) if (ended.has(socket.data.principal)) socket.conn.close();
    } catch (error) {
      // An outage closes no socket; the next run of the job repeats the query.
      this.checkedAtMs = -Infinity;
      this.logger.warn({ err: error, sockets: sockets.length }, 'sockets not checked for revocation');
    }
  }

  private sockets(): GuardedSocket[] {
    return this.namespaces.flatMap((namespace) => [...namespace.sockets.values()]);
  }
}
