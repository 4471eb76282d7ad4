import { Injectable } from '@nestjs/common';
import { AccessTokensService } from '../../auth/index.js';
import { Clock, DomainError } from '../../core/index.js';
import type { AuthenticateAnswer } from '../socket-events.js';
import type { SubscriberSocket } from '../sockets.js';

/** Time between the notice and the end of the token. */
const EXPIRY_NOTICE_MS = 60_000;

/**
 * Handles sockets that live longer than their access token. The socket gets a notice before the end and may send a new
 * token; at the end its transport closes. The client then reconnects, and an expired token gets a `connect_error`.
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

  /** @throws auth/…: the new token is invalid or belongs to another user; the old token stays valid until its end */
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
