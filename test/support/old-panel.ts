import { io as io4 } from 'socket.io-client';
import { io as io3 } from 'socket.io-client-3';
import { until } from './sockets.js';

export type PanelClient = 'socket.io-client 3' | 'socket.io-client 4';
export type PanelTransport = 'websocket' | 'polling';

/** The common part of both client versions. */
interface ClientSocket {
  readonly id?: string;
  readonly connected: boolean;
  on(event: string, listener: (...args: never[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  close(): unknown;
}

/** A panel of the old server. It handles the event `data` only; `others` records events that it must not get. */
export class OldPanel {
  readonly texts: string[] = [];
  readonly endings: string[] = [];
  readonly others: string[] = [];

  private constructor(readonly socket: ClientSocket) {
    socket.on('data', (text: string) => this.texts.push(text));
    socket.on('drain', () => this.others.push('drain'));
    socket.on('disconnect', (reason: string) => this.endings.push(reason));
    socket.on('connect_error', () => this.endings.push('connect_error'));
  }

  static async open(
    url: string,
    client: PanelClient = 'socket.io-client 4',
    transport: PanelTransport = 'websocket',
  ): Promise<OldPanel> {
    const options = { transports: [transport], forceNew: true, reconnection: false };
    const socket = client === 'socket.io-client 3' ? io3(url, options) : io4(url, options);
    const panel = new OldPanel(socket as unknown as ClientSocket);
    await until(() => panel.texts.length > 0, 'the first message');
    return panel;
  }

  /** Joins each room and waits for the announcement. */
  async join(...rooms: readonly string[]): Promise<void> {
    for (const room of rooms) {
      this.socket.emit('room_join', room);
      await until(() => this.texts.includes(`room joined: ${room.replaceAll('"', '')}`), `room ${room}`);
    }
  }

  /** Waits for `count` frames and 100 ms for further ones. @returns all parsed frames */
  async frames(count: number): Promise<Record<string, unknown>[]> {
    const isFrame = (text: string): boolean => text.startsWith('{');
    await until(() => this.texts.filter(isFrame).length >= count, `${count} frames`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return this.texts.filter(isFrame).map((text) => JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.socket.close();
  }
}
