import type { Socket } from 'node:net';

export class RawWebSocket {
  constructor(options: {
    port: number;
    path?: string;
    headers?: Record<string, string>;
    keepTexts?: boolean;
  });
  onText: (text: string) => void;
  onClose: () => void;
  readonly texts: string[];
  readonly isClosed: boolean;
  readonly isOpen: boolean;
  /** HTTP status of the answer to the handshake; null before it. */
  readonly status: number | null;
  /** Code of the close frame of the server; null without one. */
  readonly closeCode: number | null;
  /** Resolves to true when the handshake was accepted, to false when it was refused. */
  readonly opened: Promise<boolean>;
  readonly closed: Promise<void>;
  readonly socket: Socket;
  sendText(text: string): void;
  sendBinary(bytes: Buffer): void;
  sendFrame(opcode: number, payload: Buffer, how?: { isFinal?: boolean; isMasked?: boolean }): void;
  sendBytes(bytes: Buffer | string): void;
  cut(): void;
}
