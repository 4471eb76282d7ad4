/** A keep-alive HTTP/1.1 connection that costs little: the caller gives the bytes of a request and gets status and body. */
import { Buffer } from 'node:buffer';
import { connect } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');

export class RawHttp {
  /** Requests that wait for the answer to the one before: one at a time is sent. */
  #queue = [];
  #current = null;
  #chunks = [];
  #received = 0;
  /** Bytes of the whole answer; 0 until its head is complete. */
  #expected = 0;
  #head = '';
  #bodyStart = 0;

  constructor(port) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.opened = new Promise((resolve, reject) =>
      this.socket.once('connect', resolve).once('error', reject),
    );
    this.socket.on('data', (chunk) => this.#take(chunk));
    this.socket.on('close', () => this.#current?.reject(new Error('the server closed the connection')));
  }

  /** @param request head and body @returns {Promise<{status: number, body: Buffer}>} */
  send(request) {
    if (this.socket.destroyed) return Promise.reject(new Error('the server closed the connection'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      if (!this.#current) this.#sendNext();
    });
  }

  close() {
    this.socket.destroy();
  }

  #sendNext() {
    this.#current = this.#queue.shift() ?? null;
    if (this.#current) this.socket.write(this.#current.request);
  }

  #take(chunk) {
    // An answer without a request: the server closes an idle connection (408).
    if (!this.#current) return this.socket.destroy();
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#expected === 0) this.#readHead();
    if (this.#expected === 0 || this.#received < this.#expected) return;
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const answer = { status: Number(this.#head.slice(9, 12)), body: bytes.subarray(this.#bodyStart) };
    const { resolve } = this.#current;
    this.#chunks = [];
    this.#received = 0;
    this.#expected = 0;
    this.#sendNext();
    resolve(answer);
  }

  #readHead() {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return;
    this.#head = bytes.latin1Slice(0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1];
    if (length === undefined) {
      this.#current.reject(new Error(`an answer without Content-Length: ${this.#head}`));
      this.socket.destroy();
      return;
    }
    this.#bodyStart = end + HEAD_END.length;
    this.#expected = this.#bodyStart + Number(length);
  }
}
