import { UseInterceptors } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { parseBoundingBox, SocketAnswerInterceptor } from '../common/index.js';
import { Interest } from './interest.js';
import { readCursor } from './live-cursor.js';
import { LiveStreams } from './live-streams.js';
import { RevokedSockets } from './revoked-sockets.js';
import { SocketAuthentication } from './socket-authentication.js';
import type { AuthenticateAnswer, WatchAnswer } from './socket-events.js';
import type { WatcherNamespace, WatcherSocket } from './sockets.js';
import { AuthenticateDto } from './authenticate.dto.js';
import { TokenExpiry } from './token-expiry.js';
import { watcherOn } from './socket-watcher.js';
import { WatchDto } from './watch.dto.js';

/** `/live`: a snapshot, then every fix as it is stored. */
@WebSocketGateway({ namespace: '/live' })
@UseInterceptors(SocketAnswerInterceptor)
export class LiveGateway
  implements
    OnGatewayInit<WatcherNamespace>,
    OnGatewayConnection<WatcherSocket>,
    OnGatewayDisconnect<WatcherSocket>
{
  constructor(
    private readonly streams: LiveStreams,
    private readonly authentication: SocketAuthentication,
    private readonly revoked: RevokedSockets,
    private readonly expiry: TokenExpiry,
  ) {}

  afterInit(namespace: WatcherNamespace): void {
    namespace.use(this.authentication.user);
    this.revoked.guard(namespace);
  }

  handleConnection(socket: WatcherSocket): void {
    this.expiry.follow(socket);
  }

  handleDisconnect(socket: WatcherSocket): void {
    this.expiry.forget(socket);
    this.streams.unwatch(socket.id);
  }

  @SubscribeMessage('watch')
  watch(
    @ConnectedSocket() socket: WatcherSocket,
    @MessageBody() { vehicleIds, bbox, since }: WatchDto,
  ): WatchAnswer {
    const interest = new Interest(
      vehicleIds ? new Set(vehicleIds) : null,
      bbox === undefined ? null : parseBoundingBox(bbox),
    );
    return this.streams.watch(watcherOn(socket), interest, since === undefined ? null : readCursor(since));
  }

  @SubscribeMessage('authenticate')
  authenticate(
    @ConnectedSocket() socket: WatcherSocket,
    @MessageBody() { token }: AuthenticateDto,
  ): Promise<AuthenticateAnswer> {
    return this.expiry.renew(socket, token);
  }

  @SubscribeMessage('unwatch')
  unwatch(@ConnectedSocket() socket: WatcherSocket): Record<string, never> {
    this.streams.unwatch(socket.id);
    return {};
  }
}
