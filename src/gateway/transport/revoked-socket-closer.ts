import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { RevocationPoller, isRevokedBy, type Principal, type Revocation } from '../../auth/index.js';
import { BackgroundJobs, EventBus } from '../../core/index.js';

/** A revocation by another instance closes sockets here after this time at most. */
const CHECK_INTERVAL_MS = 5_000;
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
 * Closes sockets whose access was revoked: at once for revocations in this process, within seconds for revocations by
 * other instances. A new socket is checked once more right after it connects, because its access may have been revoked
 * during the handshake.
 */
@Injectable()
export class RevokedSocketCloser implements OnApplicationBootstrap {
  private readonly logger = new Logger(RevokedSocketCloser.name);
  private readonly namespaces: GuardedNamespace[] = [];
  private joined: GuardedSocket[] = [];

  constructor(
    private readonly access: RevocationPoller,
    private readonly jobs: BackgroundJobs,
    events: EventBus,
  ) {
    events.subscribe('access.revoked', (revocation) => this.closeMatching(revocation));
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'socket-revocations',
      intervalMs: CHECK_INTERVAL_MS,
      run: () => this.check(this.sockets()),
    });
  }

  guard(namespace: GuardedNamespace): void {
    this.namespaces.push(namespace);
    namespace.on('connection', (socket) => {
      this.joined.push(socket);
      if (this.joined.length === 1) setTimeout(() => void this.checkJoined(), JOIN_BATCH_MS).unref();
    });
  }

  private closeMatching(revocation: Revocation): void {
    for (const socket of this.sockets()) {
      if (isRevokedBy(socket.data.principal, revocation)) socket.conn.close();
    }
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
      // An outage closes no socket; the next check repeats the query.
      this.logger.warn({ err: error, sockets: sockets.length }, 'sockets not checked for revocation');
    }
  }

  private sockets(): GuardedSocket[] {
    return this.namespaces.flatMap((namespace) => [...namespace.sockets.values()]);
  }
}
