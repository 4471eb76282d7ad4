import { Inject, UseInterceptors } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { SETTINGS, type Settings } from '../config/index.js';
import { parseBoundingBox, SocketErrorInterceptor } from '../core/index.js';
import { SubscriptionFilter } from './subscriptions/subscription-filter.js';
import { readCursor } from './subscriptions/live-cursor.js';
import { LiveStreams } from './subscriptions/live-streams.js';
import type { EncodedJson } from './transport/json-encoder.js';
import { RevokedSocketCloser } from './transport/revoked-socket-closer.js';
import { SocketPresence } from './transport/socket-presence.js';
import { SocketAuthentication } from './transport/socket-authentication.js';
import type { AuthenticateAnswer } from './socket-events.js';
import type { SubscriberNamespace, SubscriberSocket } from './sockets.js';
import { AuthenticateDto } from './authenticate.dto.js';
import { TokenExpiry } from './transport/token-expiry.js';
import { SocketSubscriber } from './subscriptions/socket-subscriber.js';
import { WatchDto } from './live.dto.js';

/** Namespace `/live`: a snapshot, then every position as it is stored. */
@WebSocketGateway({ namespace: '/live' })
@UseInterceptors(SocketErrorInterceptor)
export class LiveGateway
  implements
    OnGatewayInit<SubscriberNamespace>,
    OnGatewayConnection<SubscriberSocket>,
    OnGatewayDisconnect<SubscriberSocket>
{
  constructor(
    private readonly streams: LiveStreams,
    private readonly authentication: SocketAuthentication,
    private readonly revoked: RevokedSocketCloser,
    private readonly presence: SocketPresence,
    private readonly expiry: TokenExpiry,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  afterInit(namespace: SubscriberNamespace): void {
    namespace.use(this.authentication.user);
    this.revoked.guard(namespace);
    this.presence.track(namespace);
  }

  handleConnection(socket: SubscriberSocket): void {
    this.expiry.track(socket);
  }

  handleDisconnect(socket: SubscriberSocket): void {
    this.expiry.untrack(socket);
    this.streams.unwatch(socket.id);
  }

  @SubscribeMessage('watch')
  watch(
    @ConnectedSocket() socket: SubscriberSocket,
    @MessageBody() { vehicleIds, bbox, since }: WatchDto,
  ): EncodedJson {
    const filter = new SubscriptionFilter(
      vehicleIds ? new Set(vehicleIds) : null,
      bbox === undefined ? null : parseBoundingBox(bbox),
    );
    const subscriber = SocketSubscriber.of(socket, this.settings.live);
    return this.streams.watch(subscriber, filter, since === undefined ? null : readCursor(since));
  }

  @SubscribeMessage('authenticate')
  async authenticate(
    @ConnectedSocket() socket: SubscriberSocket,
    @MessageBody() { token }: AuthenticateDto,
  ): Promise<AuthenticateAnswer> {
    const answer = await this.expiry.renew(socket, token);
    this.revoked.checkSoon(socket);
    this.presence.update(socket);
    return answer;
  }

  @SubscribeMessage('unwatch')
  unwatch(@ConnectedSocket() socket: SubscriberSocket): Record<string, never> {
    this.streams.unwatch(socket.id);
    return {};
  }
}
