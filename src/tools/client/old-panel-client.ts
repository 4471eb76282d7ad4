import { randomBytes } from 'node:crypto';
import { io, type Socket } from 'socket.io-client';
import { UnreachableError } from './client.errors.js';

/** Longer texts are no frames of a tracking server. */
const MAX_FRAME_LENGTH = 1_000_000;

export type PanelFrame = Readonly<Record<string, unknown>>;

/** A panel of the old server: the default namespace, the event `data`, rooms by `room_join`. It reconnects and joins again. */
export class OldPanelClient {
  private readonly socket: Socket;
  /**
   * All panels get the announcement of every room, so only that of its own room answers this panel. Samserver accepts no other names than
   * those of vehicles.
   */
  private readonly ownRoom = randomBytes(12).toString('hex');
  private cutCount = 0;
  private inRoomsSince: number | null = null;

  /**
   * @param socketUrl scheme, host and port
   * @param onFrame each frame that is a JSON object; greetings and announcements of rooms are left out
   */
  constructor(
    private readonly socketUrl: string,
    rooms: readonly string[],
    onFrame: (frame: PanelFrame) => void,
  ) {
    this.socket = io(socketUrl, {
      transports: ['websocket'],
      forceNew: true,
      autoConnect: false,
      reconnectionDelay: 1_000,
      reconnectionDelayMax: 5_000,
    });
    this.socket.on('connect', () =>
      [...rooms, this.ownRoom].forEach((room) => this.socket.emit('room_join', room)),
    );
    this.socket.on('disconnect', () => {
      this.cutCount += 1;
      this.inRoomsSince = null;
    });
    this.socket.on('data', (text: unknown) => {
      if (text === `room joined: ${this.ownRoom}`) this.inRoomsSince = performance.now();
      const frame = parseFrame(text);
      if (frame) onFrame(frame);
    });
  }

  /** How often its connection ended. */
  get cuts(): number {
    return this.cutCount;
  }

  /** Since when it is in its rooms without a break, `performance.now()`; null: it is not. */
  get inRoomsSinceMs(): number | null {
    return this.inRoomsSince;
  }

  /** Resolves when it is in its rooms. @throws UnreachableError */
  async connect(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      let reason = 'no answer';
      const timer = setTimeout(
        () => reject(new UnreachableError(this.socketUrl, 'client/unreachable', reason)),
        timeoutMs,
      );
      this.socket.on('connect_error', (error) => (reason = error.message));
      this.socket.on('data', (text: unknown) => {
        if (text !== `room joined: ${this.ownRoom}`) return;
        clearTimeout(timer);
        resolve();
      });
      this.socket.connect();
    });
  }

  close(): void {
    this.socket.removeAllListeners();
    this.socket.close();
  }
}

function parseFrame(text: unknown): PanelFrame | null {
  if (typeof text !== 'string' || !text.startsWith('{') || text.length > MAX_FRAME_LENGTH) return null;
  try {
    return JSON.parse(text) as PanelFrame;
  } catch {
    return null;
  }
}
