/**
 * A WebSocket client over a plain TCP connection. It can send frames that no library sends, and it needs little memory:
 * a bench opens 10,000 of them.
 */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

export class RawWebSocket {
  onText = () => undefined;
  onClose = () => undefined;
  /** All received texts, with the option `keepTexts`. */
  texts = [];
  isClosed = false;
  isOpen = false;
  /** HTTP status of the answer to the handshake; 101 after a success. */
  status = null;
  /** Code of the close frame of the server; null without one. */
  closeCode = null;
  #rest = Buffer.alloc(0);
  #resolveOpened;

  /**
   * @param {{port: number, path?: string, headers?: Record<string, string>, keepTexts?: boolean}} options
   *   of a server on 127.0.0.1
   */
  constructor({ port, path = '/socket.io/?EIO=4&transport=websocket', headers = {}, keepTexts = false }) {
    this.keepTexts = keepTexts;
    this.opened = new Promise((resolve) => (this.#resolveOpened = resolve));
    this.closed = new Promise((resolve) => (this.resolveClosed = resolve));
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    const lines = {
      Host: `127.0.0.1:${port}`,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      ...headers,
    };
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.on('connect', () => this.socket.write(`GET ${path} HTTP/1.1\r\n${head.join('')}\r\n`));
    this.socket.on('data', (chunk) => this.#take(chunk));
    // `close` follows every error.
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => this.#end());
  }

  sendText(text) {
    this.sendFrame(TEXT, Buffer.from(text));
  }

  sendBinary(bytes) {
    this.sendFrame(BINARY, bytes);
  }

  /** @param {{isFinal?: boolean, isMasked?: boolean}} how */
  sendFrame(opcode, payload, { isFinal = true, isMasked = true } = {}) {
    if (this.socket.destroyed) return;
    const first = (isFinal ? 0x80 : 0) | opcode;
    const mask = isMasked ? 0x80 : 0;
    let head;
    if (payload.length < 126) head = Buffer.from([first, mask | payload.length]);
    else if (payload.length < 65_536) {
      head = Buffer.from([first, mask | 126, payload.length >> 8, payload.length & 0xff]);
    } else {
      head = Buffer.alloc(10);
      head.writeUInt16BE((first << 8) | mask | 127, 0);
      head.writeBigUInt64BE(BigInt(payload.length), 2);
    }
    // A mask of zeros is valid: the payload stays unchanged, and masking costs nothing.
    this.socket.write(Buffer.concat([head, Buffer.alloc(isMasked ? 4 : 0), payload]));
  }

  sendBytes(bytes) {
    this.socket.write(bytes);
  }

  /** Closes the connection without a close frame. */
  cut() {
    this.socket.resetAndDestroy();
  }

  #take(chunk) {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.status === null) {
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.status = Number(this.#rest.toString('latin1', 9, 12));
      this.isOpen = this.status === 101;
      this.#rest = this.#rest.subarray(end + 4);
      this.#resolveOpened(this.isOpen);
    }
    while (this.isOpen && this.#takeFrame());
  }

  #takeFrame() {
    const rest = this.#rest;
    if (rest.length < 2) return false;
    let length = rest[1] & 0x7f;
    let start = 2;
    if (length === 126) {
      if (rest.length < 4) return false;
      length = rest.readUInt16BE(2);
      start = 4;
    } else if (length === 127) {
      if (rest.length < 10) return false;
      length = Number(rest.readBigUInt64BE(2));
      start = 10;
    }
    if (rest.length < start + length) return false;
    const opcode = rest[0] & 0x0f;
    const payload = rest.subarray(start, start + length);
    this.#rest = rest.subarray(start + length);
    if (opcode === TEXT) {
      const text = payload.toString();
      if (this.keepTexts) this.texts.push(text);
      this.onText(text);
    } else if (opcode === PING) this.sendFrame(PONG, payload);
    else if (opcode === CLOSE) {
      this.closeCode = payload.length < 2 ? null : payload.readUInt16BE(0);
      this.socket.end();
    }
    return true;
  }

  #end() {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#resolveOpened(false);
    this.resolveClosed();
    this.onClose();
  }
}
