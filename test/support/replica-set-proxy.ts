import { type Document, ObjectId } from 'bson';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { decodeRequest, encodeReply, messageLength, type Request } from '../../src/embedded-mongo/wire.js';

/** What happens to one command of a client. Codes are those of `error_codes.yml`. */
export type Fault =
  /** An error instead of the command, or after it. */
  | { readonly kind: 'error'; readonly code: number; readonly isExecuted: boolean }
  /** The command is executed, and its reply has a `writeConcernError`. */
  | { readonly kind: 'write-concern'; readonly code: number }
  /** The connection closes before or after the command. */
  | { readonly kind: 'cut'; readonly isExecuted: boolean }
  /** Never a reply. */
  | { readonly kind: 'silent' };

interface HeldWrite {
  readonly message: Buffer;
  /** Answers its client. null: the write is not confirmed. */
  readonly settle: (reply: Buffer | null) => void;
}

const WRITES: readonly string[] = ['insert', 'update', 'delete', 'findAndModify'];
const DURABLE: readonly string[] = [...WRITES, 'create', 'createIndexes'];
/** A member that is no primary answers these. */
const ANYWHERE: readonly string[] = ['hello', 'ismaster', 'ping', 'endSessions', 'killCursors'];
const RETRYABLE_CODES: readonly number[] = [6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];
const NOT_PRIMARY = 13435;
const HEADER_BYTES = 16;
/** Element `txnNumber` of a command: type, name, 64 bits. */
const TXN_NUMBER = Buffer.from('\x12txnNumber\0', 'latin1');
const TXN_NUMBER_BYTES = TXN_NUMBER.length + 8;

/**
 * Makes one MongoDB server look like a replica set of two members: a proxy for each member before the same data. It
 * answers the handshake itself, executes a repeated write (`lsid`, `txnNumber`) once, changes its primary, and injects
 * faults. Without a majority, writes wait outside the data, so that reads see what a majority has.
 */
export class ReplicaSetProxy {
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly repliesByTransaction = new Map<string, Buffer>();
  private held: HeldWrite[] = [];
  private primary: number | null = 0;
  private elections = 1;
  private hasMajority = true;
  private election: NodeJS.Timeout | undefined;
  /** Called with each command for the primary but those of `ANYWHERE`. */
  inject: (command: string, body: Document) => Fault | undefined = () => undefined;
  /** Commands without the durability that the service promises. */
  readonly violations: string[] = [];
  /** Held writes whose client gave up before this set answered. */
  abandoned = 0;
  stepDowns = 0;
  /** Writes that the driver sent again and that were not executed again. */
  repetitions = 0;

  private constructor(private readonly targetPort: number) {}

  static async before(targetPort: number): Promise<ReplicaSetProxy> {
    const set = new ReplicaSetProxy(targetPort);
    for (const index of [0, 1]) {
      const server = createServer((client) => set.serve(client, index));
      set.servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    return set;
  }

  urlOf(database: string): string {
    return `mongodb://${this.hosts.join(',')}/${database}?replicaSet=rs0`;
  }

  /** The primary steps down; the other member is elected after `electionMs`. */
  stepDown(electionMs: number): void {
    const next = this.primary === null ? this.elections % 2 : 1 - this.primary;
    this.primary = null;
    this.stepDowns += 1;
    clearTimeout(this.election);
    this.election = setTimeout(() => {
      this.primary = next;
      this.elections += 1;
    }, electionMs);
  }

  /** Writes are not confirmed from now on. */
  loseMajority(): void {
    this.hasMajority = false;
  }

  /** Writes the held writes in their order, or discards them as a rollback does. */
  async regainMajority(heldWrites: 'written' | 'rolled back'): Promise<void> {
    const upstream = new Upstream(this.targetPort);
    for (const { message, settle } of this.held.splice(0))
      settle(heldWrites === 'written' ? await upstream.ask(message) : null);
    upstream.close();
    this.hasMajority = true;
  }

  async close(): Promise<void> {
    clearTimeout(this.election);
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  private get hosts(): string[] {
    return this.servers.map((server) => `127.0.0.1:${(server.address() as { port: number }).port}`);
  }

  private serve(client: Socket, member: number): void {
    const upstream = new Upstream(this.targetPort);
    this.sockets.add(client);
    client.setNoDelay(true);
    client.on('error', () => undefined);
    client.on('close', () => {
      this.sockets.delete(client);
      upstream.close();
    });
    let work = Promise.resolve();
    readMessages(client, (message) => {
      work = work
        .then(() => this.answer(client, member, message, upstream))
        .then((reply) => void (reply === null ? client.destroy() : client.write(reply)))
        .catch(() => void client.destroy());
    });
  }

  /** @returns null: the connection closes */
  private async answer(
    client: Socket,
    member: number,
    message: Buffer,
    upstream: Upstream,
  ): Promise<Buffer | null> {
    const request = decodeRequest(message);
    const name = Object.keys(request.body)[0] ?? '';
    if (name === 'hello' || name === 'ismaster') return encodeReply(request, 1, this.hello(member));
    if (ANYWHERE.includes(name)) return upstream.ask(message);
    if (member !== this.primary) return encodeReply(request, 1, errorReply(NOT_PRIMARY));
    this.checkDurability(name, request.body);

    const fault = this.inject(name, request.body);
    if (fault && 'isExecuted' in fault && !fault.isExecuted)
      return fault.kind === 'cut' ? null : encodeReply(request, 1, errorReply(fault.code));
    if (fault?.kind === 'silent') return new Promise(() => undefined);
    const reply = await this.execute(client, name, request, message, upstream);
    switch (fault?.kind) {
      case undefined:
        return reply;
      case 'cut':
        return null;
      case 'error':
        return encodeReply(request, 1, errorReply(fault.code));
      case 'write-concern':
        return withWriteConcernError(request, reply, fault.code);
    }
  }

  private async execute(
    client: Socket,
    name: string,
    request: Request,
    message: Buffer,
    upstream: Upstream,
  ): Promise<Buffer> {
    const transaction = transactionOf(request.body);
    const known = transaction === null ? undefined : this.repliesByTransaction.get(transaction);
    if (known) {
      this.repetitions += 1;
      return answering(request, known);
    }
    const plain = withoutTransactionNumber(message);
    const isHeld = !this.hasMajority && WRITES.includes(name);
    const reply = isHeld ? await this.hold(client, request, plain) : await upstream.ask(plain);
    if (reply === null) return withWriteConcernError(request, encodeReply(request, 1, { n: 0, ok: 1 }), 64);
    if (transaction !== null) this.repliesByTransaction.set(transaction, reply);
    return reply;
  }

  /** @returns null after `wtimeout` of the command; the write stays until the majority is back */
  private hold(client: Socket, { body }: Request, message: Buffer): Promise<Buffer | null> {
    const { wtimeout = 0 } = (body['writeConcern'] ?? {}) as { readonly wtimeout?: number };
    return new Promise((resolve) => {
      const onClose = (): void => {
        this.abandoned += 1;
        settle(null);
      };
      const settle = (reply: Buffer | null): void => {
        clearTimeout(timer);
        client.off('close', onClose);
        resolve(reply);
      };
      const timer = wtimeout > 0 ? setTimeout(settle, wtimeout, null) : undefined;
      client.once('close', onClose);
      this.held.push({ message, settle });
    });
  }

  private checkDurability(name: string, body: Document): void {
    const { w, j, wtimeout } = (body['writeConcern'] ?? {}) as Document;
    if (DURABLE.includes(name) && !(w === 'majority' && j === true && Number(wtimeout) > 0))
      this.violations.push(`${name} ${JSON.stringify(body['writeConcern'])}`);
    const { level } = (body['readConcern'] ?? {}) as Document;
    if (name === 'find' && level !== 'majority')
      this.violations.push(`find ${JSON.stringify(body['readConcern'])}`);
    const { mode = 'primary' } = (body['$readPreference'] ?? {}) as Document;
    if (mode !== 'primary') this.violations.push(`${name} reads from ${String(mode)}`);
  }

  private hello(member: number): Document {
    const { hosts, primary } = this;
    const at = new Date();
    return {
      helloOk: true,
      ismaster: member === primary,
      isWritablePrimary: member === primary,
      secondary: member !== primary,
      setName: 'rs0',
      setVersion: 1,
      hosts,
      me: hosts[member],
      ...(primary !== null && { primary: hosts[primary] }),
      ...(member === primary && { electionId: new ObjectId(this.elections.toString(16).padStart(24, '0')) }),
      lastWrite: { lastWriteDate: at },
      maxBsonObjectSize: 16_777_216,
      maxMessageSizeBytes: 48_000_000,
      maxWriteBatchSize: 100_000,
      localTime: at,
      logicalSessionTimeoutMinutes: 30,
      connectionId: 1,
      minWireVersion: 0,
      maxWireVersion: 21,
      readOnly: false,
      ok: 1,
    };
  }
}

/** One connection to the server; it is asked one message at a time. */
class Upstream {
  private readonly socket: Socket;
  private onReply: (reply: Buffer) => void = () => undefined;
  private onClose: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1').setNoDelay(true);
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => this.onClose());
    readMessages(this.socket, (message) => this.onReply(message));
  }

  ask(message: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.onReply = resolve;
      this.onClose = () => reject(new Error('the server closed the connection'));
      this.socket.write(message);
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

function readMessages(socket: Socket, onMessage: (message: Buffer) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let length = messageLength(bytes); length !== null && bytes.length >= length;) {
      onMessage(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
      length = messageLength(bytes);
    }
  });
}

function transactionOf({ lsid, txnNumber }: Document): string | null {
  if (txnNumber === undefined) return null;
  const { id } = lsid as { readonly id: { toString(encoding: 'hex'): string } };
  return `${id.toString('hex')}:${String(txnNumber)}`;
}

/** Cuts the element out of the bytes: decoding and encoding would change types of numbers. */
function withoutTransactionNumber(message: Buffer): Buffer {
  const at = message.indexOf(TXN_NUMBER);
  if (at < 0) return message;
  const shorter = Buffer.concat([message.subarray(0, at), message.subarray(at + TXN_NUMBER_BYTES)]);
  shorter.writeInt32LE(shorter.length, 0);
  // After the header: flags (4 bytes), kind of the first section (1), the document with its length.
  const body = HEADER_BYTES + 5;
  shorter.writeInt32LE(shorter.readInt32LE(body) - TXN_NUMBER_BYTES, body);
  return shorter;
}

/** A reply that was given before, for a repetition of its request. */
function answering({ id }: Request, reply: Buffer): Buffer {
  const again = Buffer.from(reply);
  again.writeInt32LE(id, 8);
  return again;
}

function errorReply(code: number): Document {
  return {
    ok: 0,
    errmsg: `injected error ${code}`,
    code,
    ...(RETRYABLE_CODES.includes(code) && { errorLabels: ['RetryableWriteError'] }),
  };
}

function withWriteConcernError(request: Request, reply: Buffer, code: number): Buffer {
  // A reply is a message with one section, like a request.
  const { body } = decodeRequest(reply);
  return encodeReply(request, 1, {
    ...body,
    writeConcernError: {
      code,
      errmsg: 'waiting for replication timed out',
      errInfo: { wtimeout: code === 64 },
    },
    ...(RETRYABLE_CODES.includes(code) && { errorLabels: ['RetryableWriteError'] }),
  });
}
