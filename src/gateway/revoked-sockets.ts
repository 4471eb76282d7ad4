import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { AccessReview, isHitBy, type Principal, type Revocation, Revocations } from '../auth/index.js';

/** How long a socket may outlive what another instance revoked. */
const EVERY_MS = 5_000;
/** Those who come within it are looked at together: 10,000 devices may come back at once. */
const JOINED_TOGETHER_MS = 50;

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
export class RevokedSockets implements OnModuleDestroy {
  private readonly logger = new Logger(RevokedSockets.name);
  private readonly namespaces: GuardedNamespace[] = [];
  private readonly timer: NodeJS.Timeout;
  private joined: GuardedSocket[] = [];
  private isReviewing = false;

  constructor(
    private readonly access: AccessReview,
    revocations: Revocations,
  ) {
    revocations.subscribe((revocation) => this.closeHitBy(revocation));
    this.timer = setInterval(() => void this.reviewAll(), EVERY_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  guard(namespace: GuardedNamespace): void {
    this.namespaces.push(namespace);
    namespace.on('connection', (socket) => {
      this.joined.push(socket);
      if (this.joined.length === 1) setTimeout(() => void this.reviewJoined(), JOINED_TOGETHER_MS).unref();
    });
  }

  private closeHitBy(revocation: Revocation): void {
    for (const socket of this.sockets()) {
      if (isHitBy(socket.data.principal, revocation)) socket.conn.close();
    }
  }

  private async reviewJoined(): Promise<void> {
    const joined = this.joined;
    this.joined = [];
    await this.review(joined);
  }

  private async reviewAll(): Promise<void> {
    if (this.isReviewing) return;
    this.isReviewing = true;
    await this.review(this.sockets());
    this.isReviewing = false;
  }

  private async review(sockets: readonly GuardedSocket[]): Promise<void> {
    if (sockets.length === 0) return;
    try {
      const ended = await this.access.findEnded(sockets.map(({ data }) => data.principal));
      for (const socket of sockets) if (ended.has(socket.data.principal)) socket.conn.close();
    } catch (error) {
      // Nobody is thrown out for storage's trouble; the next review will know.
      this.logger.warn({ err: error, sockets: sockets.length }, 'sockets could not be reviewed just now');
    }
  }

  private sockets(): GuardedSocket[] {
    return this.namespaces.flatMap((namespace) => [...namespace.sockets.values()]);
  }
}
