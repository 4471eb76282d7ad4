import { io, type Socket } from 'socket.io-client';
import { until } from '../support/sockets.js';

/**
 * A panel that records all frames and joins its rooms again after a reconnect. It joins on request only: every panel gets
 * every join, and the order of reconnects is random.
 */
export class RecordingPanel {
  readonly frames: string[] = [];
  private readonly socket: Socket;
  private readonly rooms = new Set<string>();
  private wasCut = false;

  constructor(socketUrl: string, transport: 'websocket' | 'polling') {
    this.socket = io(socketUrl, {
      transports: [transport],
      forceNew: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 100,
      randomizationFactor: 0,
    });
    this.socket.on('data', (frame: unknown) => this.frames.push(String(frame)));
    this.socket.on('disconnect', () => (this.wasCut = true));
  }

  async whenConnected(): Promise<void> {
    await until(() => this.socket.connected, 'a panel to be let in');
  }

  async join(room: string): Promise<void> {
    const before = this.frames.length;
    this.rooms.add(room);
    this.socket.emit('room_join', room);
    await until(() => this.frames.slice(before).some((frame) => frame.startsWith('room joined')));
  }

  async rejoin(): Promise<void> {
    if (!this.wasCut) return;
    this.wasCut = false;
    for (const room of this.rooms) await this.join(room);
  }

  leave(room: string): void {
    this.rooms.delete(room);
    this.socket.emit('room_leave', room);
  }

  close(): void {
    this.socket.close();
  }
}
