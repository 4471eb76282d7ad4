import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { RevocationPoller, isRevokedBy, type Principal, type Revocation } from '../../auth/index.js';
import { EventBus } from '../../core/index.js';

/** How long a socket may outlive what another instance revoked. */
const CHECK_INTERVAL_MS = 5_000;
/** Those who come within it are looked at together: 10,000 devices may come back at once. */
const JOIN_BATCH_MS = 50;

interface GuardedSocket {
  readonly data: { readonly principal: Principal };
  /** Not `disconnect()`, which stops a client for ever: it comes back, and hears the final word about its token then. */
  readonly conn: { close(): void };
}

interface GuardedNamespace {
  readonly sockets: ReadonlyMap<string, GuardedSocket>;
  on(event: 'connection', listener: (socket: GuardedSocket) => void): unknown;
}

/**
 * Closes the sockets of those who may not be here any more: at once what is revoked in this process, within seconds
 * what another instance revoked, and right after it joined a socket that was let in while its right was taken away.
 */
@Injectable()
export class RevokedSocketCloser implements OnModuleDestroy {
  private readonly logger = new Logger(RevokedSocketCloser.name);
  private readonly namespaces: GuardedNamespace[] = [];
  private readonly timer: NodeJS.Timeout;
  private joined: GuardedSocket[] = [];
  private isChecking = false;

  constructor(
    private readonly access: RevocationPoller,
    events: EventBus,
  ) {
    events.subscribe('access.revoked', (revocation) => this.closeMatching(revocation));
    this.timer = setInterval(() => void this.checkAll(), CHECK_INTERVAL_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
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

  private async checkAll(): Promise<void> {
    if (this.isChecking) return;
    this.isChecking = true;
    await this.check(this.sockets());
    this.isChecking = false;
  }

  private async check(sockets: readonly GuardedSocket[]): Promise<void> {
    if (sockets.length === 0) return;
    try {
      const ended = await this.access.findRevokedPrincipals(sockets.map(({ data }) => data.principal));
      for (const socket of sockets) if (ended.has(socket.data.principal)) socket.conn.close();
    } catch (error) {
      // Nobody is thrown out for storage's trouble; the next check will know.
      this.logger.warn({ err: error, sockets: sockets.length }, 'sockets could not be reviewed just now');
    }
  }

  private sockets(): GuardedSocket[] {
    return this.namespaces.flatMap((namespace) => [...namespace.sockets.values()]);
  }
}
