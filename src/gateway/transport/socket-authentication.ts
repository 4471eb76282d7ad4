import { Injectable, Logger } from '@nestjs/common';
import type { Socket } from 'socket.io';
import {
  AccessTokensService,
  DeviceCredentialsService,
  type DevicePrincipal,
  type TokenUser,
} from '../../auth/index.js';
import { ClientAddresses, DomainError } from '../../core/index.js';
import { SocketRefusals } from './socket-refusals.js';

type Next = (error?: Error) => void;
const MAX_TOKEN_LENGTH = 2_048;

/**
 * Namespace middleware that authenticates a socket. A `connect_error` with an `auth/…` code is final: the client stops
 * reconnecting. So it is used only for an invalid token. On a fault of the service the transport is closed, and the client
 * reconnects.
 */
@Injectable()
export class SocketAuthentication {
  private readonly logger = new Logger(SocketAuthentication.name);

  constructor(
    private readonly deviceCredentials: DeviceCredentialsService,
    private readonly accessTokens: AccessTokensService,
    private readonly addresses: ClientAddresses,
    private readonly refusals: SocketRefusals,
  ) {}

  readonly device = (socket: Socket, next: Next): void =>
    this.authenticate(socket, next, (token): Promise<DevicePrincipal> =>
      this.deviceCredentials.verify(token),
    );

  readonly user = (socket: Socket, next: Next): void =>
    this.authenticate(socket, next, (token): Promise<TokenUser> => this.accessTokens.verify(token));

  private authenticate(socket: Socket, next: Next, verify: (token: string) => Promise<unknown>): void {
    const token: unknown = socket.handshake.auth['token'];
    if (typeof token !== 'string' || token === '' || token.length > MAX_TOKEN_LENGTH) {
      return next(this.refusal(socket, 'auth/token-missing', 'A token is needed: auth: {token}.'));
    }
    verify(token).then(
      (principal) => {
        (socket.data as { principal?: unknown }).principal = principal;
        next();
      },
      (error: unknown) => {
        if (
          error instanceof DomainError &&
          (error.kind === 'unauthenticated' || error.kind === 'forbidden')
        ) {
          return next(this.refusal(socket, error.code, error.message));
        }
        this.logger.warn({ err: error }, 'socket not authenticated: storage error');
        socket.conn.close();
      },
    );
  }

  private refusal({ nsp, request }: Socket, code: string, message: string): Error {
    const network = this.addresses.networkOf(request);
    this.refusals.record('token', { network }, { namespace: nsp.name, code });
    return Object.assign(new Error(message), { data: { code, message } });
  }
}
