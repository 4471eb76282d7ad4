import { UseInterceptors } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { type ReportAnswer, SocketErrorInterceptor, SocketErrors } from '../core/index.js';
import { answerJson, PositionsService } from '../tracking/index.js';
import { actorOf, StateStatusDto, type StatusAnswer, VehicleStatusService } from '../vehicles/index.js';
import { RevokedSocketCloser } from './transport/revoked-socket-closer.js';
import { EncodedJson } from './transport/json-encoder.js';
import { SocketPresence } from './transport/socket-presence.js';
import { SocketAuthentication } from './transport/socket-authentication.js';
import { acknowledgementOf, payloadOf } from './transport/socket-event.js';
import type { DeviceNamespace, DeviceSocket } from './sockets.js';

/** Namespace `/devices`: accepts positions and unit statuses, and acknowledges them when they are durable. */
@WebSocketGateway({ namespace: '/devices' })
@UseInterceptors(SocketErrorInterceptor)
export class DeviceGateway implements OnGatewayInit<DeviceNamespace> {
  constructor(
    private readonly positions: PositionsService,
    private readonly statuses: VehicleStatusService,
    private readonly authentication: SocketAuthentication,
    private readonly revoked: RevokedSocketCloser,
    private readonly presence: SocketPresence,
    private readonly errors: SocketErrors,
  ) {}

  afterInit(namespace: DeviceNamespace): void {
    namespace.use(this.authentication.device);
    this.revoked.guard(namespace);
    this.presence.track(namespace);
    namespace.on('connection', (socket) => this.bindPositions(socket));
  }

  /**
   * Binds the events of positions before Nest does: its guards, pipes and interceptors do nothing for them and cost more than
   * the rest of one.
   */
  private bindPositions(socket: DeviceSocket): void {
    socket.on('position', (...sent) => void this.answer(sent, (body) => this.position(socket, body)));
    socket.on('positions', (...sent) => void this.answer(sent, (body) => this.reportMany(socket, body)));
  }

  /** Never rejects. */
  private async answer(
    sent: readonly unknown[],
    report: (body: unknown) => Promise<ReportAnswer>,
  ): Promise<void> {
    const acknowledge = acknowledgementOf(sent);
    try {
      const answer = await report(payloadOf(sent));
      acknowledge?.(new EncodedJson(answerJson(answer)));
    } catch (error) {
      const failed = this.errors.ackOf(error);
      acknowledge?.(failed);
    }
  }

  @SubscribeMessage('position')
  position(@ConnectedSocket() socket: DeviceSocket, @MessageBody() position: unknown): Promise<ReportAnswer> {
    return this.positions.report(socket.data.principal.vehicleId, [position], 'socket');
  }

  @SubscribeMessage('positions')
  reportMany(@ConnectedSocket() socket: DeviceSocket, @MessageBody() body: unknown): Promise<ReportAnswer> {
    return this.positions.report(socket.data.principal.vehicleId, positionsIn(body), 'socket');
  }

  @SubscribeMessage('status')
  status(
    @ConnectedSocket() socket: DeviceSocket,
    @MessageBody() { status, at }: StateStatusDto,
  ): Promise<StatusAnswer> {
    const { principal } = socket.data;
    return this.statuses.state(principal.vehicleId, { status, atMs: at }, actorOf(principal));
  }
}

/** The array itself, or `{positions}` as in the HTTP body. */
function positionsIn(body: unknown): unknown {
  const isWrapped = typeof body === 'object' && body !== null && 'positions' in body;
  return isWrapped ? body.positions : body;
}
