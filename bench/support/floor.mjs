/**
 * The floor of `ingest`: a minimal program that stores the same positions as the service, and answers after the durable
 * write. node:http and Socket.IO take JSON; requests that arrive during one insert share the next one. It validates nothing, has no vehicles and publishes nothing. The
 * collection is clustered by `_id` as that of the service,
 * without its index on `recordedAt`. A token is the id of a vehicle.
 *
 *   node bench/support/floor.mjs mongodb://127.0.0.1:27018/floor
 */
import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import { mongo } from 'mongoose';
import { Server } from 'socket.io';
import { documentOf } from './positions.mjs';

class SharedInsert {
  #waiting = [];
  #isWriting = false;

  constructor(collection) {
    this.collection = collection;
  }

  /** Resolves when the documents are durable. */
  store(documents) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ documents, resolve, reject });
      if (!this.#isWriting) void this.#write();
    });
  }

  async #write() {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.collection.insertMany(
          group.flatMap(({ documents }) => documents),
          { ordered: false },
        );
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#isWriting = false;
  }
}

const client = new mongo.MongoClient(process.argv[2], { writeConcern: { w: 'majority', journal: true } });
await client.connect();
const database = client.db();
await database.createCollection('positions', { clusteredIndex: { key: { _id: 1 }, unique: true } });
const insert = new SharedInsert(database.collection('positions'));

async function store(vehicleId, positions) {
  const receivedAt = new Date();
  await insert.store(positions.map((position) => documentOf(vehicleId, position, receivedAt)));
  const results = positions.map((_, index) => ({ index, verdict: 'stored' }));
  return { results, stored: positions.length, duplicate: 0, quarantined: 0, rejected: 0 };
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const { positions } = JSON.parse(Buffer.concat(chunks).toString());
    const vehicleId = request.headers.authorization.slice('Bearer '.length);
    const body = JSON.stringify(await store(vehicleId, positions));
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  });
});
const io = new Server(server, { transports: ['websocket'] });
io.of('/devices').on('connection', (socket) => {
  const vehicleId = socket.handshake.auth.token;
  socket.on('position', async (position, acknowledge) => acknowledge(await store(vehicleId, [position])));
  socket.on('positions', async ({ positions }, acknowledge) =>
    acknowledge(await store(vehicleId, positions)),
  );
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
