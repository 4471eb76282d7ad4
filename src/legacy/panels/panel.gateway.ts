import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import type { PanelNamespace, PanelSocket } from './panel-socket.js';
import { PanelsService } from './panels.service.js';

/** The default namespace, which belongs to the panels of the old server. They join and leave rooms and send nothing else. */
@WebSocketGateway({ namespace: '/' })
export class PanelGateway implements OnGatewayInit<PanelNamespace>, OnGatewayConnection<PanelSocket> {
  constructor(private readonly panels: PanelsService) {}

  afterInit(namespace: PanelNamespace): void {
    this.panels.attach(namespace);
  }

  handleConnection(socket: PanelSocket): void {
    this.panels.onConnect(socket);
  }

  @SubscribeMessage('room_join')
  join(@ConnectedSocket() socket: PanelSocket, @MessageBody() name: unknown): void {
    this.panels.join(socket, name);
  }

  @SubscribeMessage('room_leave')
  leave(@ConnectedSocket() socket: PanelSocket, @MessageBody() name: unknown): void {
    this.panels.leave(socket, name);
  }
}
