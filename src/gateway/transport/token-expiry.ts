import { Injectable } from '@nestjs/common';
import { AccessTokensService } from '../../auth/index.js';
import { Clock, DomainError } from '../../core/index.js';
import type { AuthenticateAnswer } from '../socket-events.js';
import type { SubscriberSocket } from '../sockets.js';

/** How long before its token's end a subscriber is told. */
const EXPIRY_NOTICE_MS = 60_000;

/**
 * A socket lives longer than the token it came with: it is told before the end, may show a new one, and is let go at
 * the end. It then comes back by itself, and hears the final word if it has still no better token.
 */
@Injectable()
export class TokenExpiry {
  private readonly timers = new WeakMap<SubscriberSocket, NodeJS.Timeout[]>();

  constructor(
    private readonly accessTokens: AccessTokensService,
    private readonly clock: Clock,
  ) {}

  track(socket: SubscriberSocket): void {
    this.untrack(socket);
    const { tokenEndsMs } = socket.data.principal;
    const leftMs = tokenEndsMs - this.clock.nowMs();
    const sendExpiring = (): void => {
      const inS = Math.max(0, Math.round((tokenEndsMs - this.clock.nowMs()) / 1_000));
      socket.emit('auth.expiring', { inS });
    };
    this.timers.set(socket, [
      setTimeout(sendExpiring, Math.max(0, leftMs - EXPIRY_NOTICE_MS)).unref(),
      setTimeout(() => socket.conn.close(), Math.max(0, leftMs)).unref(),
    ]);
  }

  /** @throws auth/…: the new token is not good, or another user's; the old one goes on until its end */
  async renew(socket: SubscriberSocket, token: string): Promise<AuthenticateAnswer> {
    const principal = await this.accessTokens.verify(token);
    if (principal.userId !== socket.data.principal.userId) throw otherUser();
    socket.data.principal = principal;
    if (socket.connected) this.track(socket);
    return { expiresInS: Math.max(0, Math.round((principal.tokenEndsMs - this.clock.nowMs()) / 1_000)) };
  }

  untrack(socket: SubscriberSocket): void {
    this.timers.get(socket)?.forEach(clearTimeout);
    this.timers.delete(socket);
  }
}

function otherUser(): DomainError {
  return new DomainError('auth/other-user', 'The token is of another user; connect anew with it.');
}
