import { UseInterceptors } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { SocketErrorInterceptor, SocketErrors } from '../core/index.js';
import { PositionsService } from '../tracking/index.js';
import { actorOf, StateStatusDto, type StatusAnswer, VehicleStatusService } from '../vehicles/index.js';
import { RevokedSocketCloser } from './transport/revoked-socket-closer.js';
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
    namespace.on('connection', (socket) => this.acceptPositions(socket));
  }

  /** Without Nest, whose guards, pipes and interceptors do nothing for these events and cost more than the rest of one. */
  private acceptPositions(socket: DeviceSocket): void {
    socket.on('position', (...sent) => void this.report(socket, [payloadOf(sent)], acknowledgementOf(sent)));
    socket.on(
      'positions',
      (...sent) => void this.report(socket, positionsIn(payloadOf(sent)), acknowledgementOf(sent)),
    );
  }

  /** Never rejects. */
  private async report(
    { data: { principal } }: DeviceSocket,
    positions: unknown,
    acknowledge?: (answer: unknown) => void,
  ): Promise<void> {
    try {
      const answer = await this.positions.report(principal.vehicleId, positions, 'socket');
      acknowledge?.(answer);
    } catch (error) {
      const failed = this.errors.ackOf(error);
      acknowledge?.(failed);
    }
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
