import type { Socket } from 'node:net';
import { dispatch } from './commands/dispatch.js';
import type { Engine } from './engine.js';
import { decodeRequest, encodeReply, messageLength } from './wire.js';

/** Limit for received bytes that wait for the end of a command; above it, the socket is paused. */
const MAX_WAITING_BYTES = 1_000_000;

/** Runs the messages of one client in order, one at a time. Bytes that are not a message close this connection only. */
export class Connection {
  private chunks: Buffer[] = [];
  private bytes = 0;
  private isBusy = false;
  private replyId = 0;

  constructor(
    private readonly socket: Socket,
    private readonly engine: Engine,
    private readonly id: number,
    private readonly onLog: (message: string) => void,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', (error) => this.onLog(`connection ${id}: ${error.message}`));
  }

  private receive(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.isBusy) {
      if (this.bytes > MAX_WAITING_BYTES) this.socket.pause();
      return;
    }
    this.isBusy = true;
    this.serve().catch((error: unknown) => {
      this.onLog(`connection ${this.id} closed: ${(error as Error).message}`);
      this.socket.destroy();
    });
  }

  private async serve(): Promise<void> {
    for (let message = this.nextMessage(); message; message = this.nextMessage()) {
      const request = decodeRequest(message);
      const reply = await dispatch({ engine: this.engine, connectionId: this.id, request }, (error) =>
        this.onLog(`error in '${Object.keys(request.body)[0]}': ${error.stack ?? error.message}`),
      );
      if (this.socket.destroyed) return;
      if (request.wantsReply) await this.send(encodeReply(request, ++this.replyId, reply));
    }
    this.isBusy = false;
    this.socket.resume();
  }

  private nextMessage(): Buffer | null {
    if (this.bytes < 4) return null;
    if ((this.chunks[0] as Buffer).length < 4) this.chunks = [Buffer.concat(this.chunks)];
    const length = messageLength(this.chunks[0] as Buffer);
    if (length === null || this.bytes < length) return null;
    const all = this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks);
    this.chunks = all.length > length ? [all.subarray(length)] : [];
    this.bytes -= length;
    return all.subarray(0, length);
  }

  /** Waits until the socket can take more: a client that does not read its replies runs no further command. */
  private async send(reply: Buffer): Promise<void> {
    if (this.socket.write(reply)) return;
    await new Promise<void>((resolve) => {
      const resume = (): void => {
        this.socket.off('drain', resume).off('close', resume);
        resolve();
      };
      this.socket.on('drain', resume).on('close', resume);
    });
  }
}
