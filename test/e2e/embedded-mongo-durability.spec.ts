import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import mongoose, { mongo } from 'mongoose';
import { DirectoryInUseError, serveEmbeddedMongo } from '../../src/embedded-mongo/index.js';
import { temporaryDirectory } from '../support/embedded-mongo.js';

/**
 * Tests that need their own process: it is killed, refused, or has a full disk. It runs the compiled files, because a
 * child does not load TypeScript.
 */
const ENTRY = join(process.cwd(), 'dist/cli.js');
const children = new Set<ChildProcess>();
const directories: string[] = [];

const newDirectory = (): string => {
  const directory = temporaryDirectory();
  directories.push(directory);
  return directory;
};

beforeAll(() => {
  if (!existsSync(ENTRY)) execFileSync('npm', ['run', '--silent', 'build'], { timeout: 120_000 });
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

interface ChildServer {
  uri: string;
  child: ChildProcess;
  /** Resolves at the end of the process. */
  ended: Promise<unknown>;
}

/** @throws Error with the output when the process does not start */
async function startChild(directory: string, limitKib?: number): Promise<ChildServer> {
  const command = `${limitKib === undefined ? '' : `trap '' XFSZ; ulimit -f ${limitKib};`} exec node "${ENTRY}" db --directory "${directory}" --port 0`;
  const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let printed = '';
  const uri = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      printed += chunk.toString();
      const [found] = /mongodb:\/\/[^/]+\//.exec(printed) ?? [];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then(() => reject(new Error(printed)));
  });
  return { uri, child, ended };
}

const clientOf = (uri: string): Promise<mongo.MongoClient> =>
  new mongo.MongoClient(uri, {
    retryWrites: false,
    writeConcern: { w: 'majority', j: true },
    serverSelectionTimeoutMS: 3000,
  }).connect();

interface Row {
  _id: string;
  n: number;
  twin: string;
}

describe('kill -9', () => {
  it('loses no acknowledged write and keeps indexes and documents consistent, three times', async () => {
    const directory = newDirectory();
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < 3; round++) {
      const { uri, child, ended } = await startChild(directory);
      const clients = await Promise.all(Array.from({ length: 6 }, () => clientOf(uri)));
      const rows = (clients[0] as mongo.MongoClient).db('samserver_test_kill').collection<Row>('rows');
      await rows.createIndex({ twin: 1 }, { unique: true });
      const writers = clients.map(async (client, writer) => {
        const mine = client.db('samserver_test_kill').collection<Row>('rows');
        for (let i = 0; ; i++) {
          const id = `${round}-${writer}-${i}`;
          await mine.insertOne({ _id: id, n: 0, twin: `t${id}` });
          acknowledged.set(id, 0);
          await mine.updateOne({ _id: id }, { $inc: { n: 1 } });
          acknowledged.set(id, 1);
        }
      });
      const stopped = Promise.allSettled(writers);
      await new Promise((resolve) => setTimeout(resolve, 400 + round * 150));
      child.kill('SIGKILL');
      await ended;
      await stopped;
      await Promise.allSettled(clients.map((client) => client.close(true)));
    }
    const { uri } = await startChild(directory);
    const client = await clientOf(uri);
    const rows = client.db('samserver_test_kill').collection<Row>('rows');
    const present = new Map((await rows.find().toArray()).map((row) => [row._id, row]));
    const lost = [...acknowledged].filter(([id, n]) => (present.get(id)?.n ?? -1) < n);
    expect(lost).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(100);
    const byIndex = await rows
      .find({ twin: { $in: [...present.values()].map(({ twin }) => twin) } })
      .toArray();
    expect(byIndex.length).toBe(present.size);
    await client.close();
  });
});

describe('one owner', () => {
  it('a second process is refused, and the first continues; after kill -9 the next one starts', async () => {
    const directory = newDirectory();
    const first = await startChild(directory);
    await expect(startChild(directory)).rejects.toThrow(/already served by another process/);
    await expect(serveEmbeddedMongo({ directory })).rejects.toBeInstanceOf(DirectoryInUseError);
    const client = await clientOf(first.uri);
    await client.db('samserver_test_owner').collection('x').insertOne({ a: 1 });
    await client.close();
    first.child.kill('SIGKILL');
    await first.ended;
    const contenders = await Promise.allSettled([1, 2, 3, 4].map(() => startChild(directory)));
    expect(contenders.filter(({ status }) => status === 'fulfilled').length).toBe(1);
  });
});

describe('in a worker thread', () => {
  it('serves, refuses a second one, and reports its own end', async () => {
    const { startEmbeddedMongo } = (await import(
      join(process.cwd(), 'dist/embedded-mongo/index.js')
    )) as typeof import('../../src/embedded-mongo/index.js');
    const directory = newDirectory();
    const made = jest.spyOn(Worker.prototype, 'on');
    const database = await startEmbeddedMongo({ directory });
    const worker = made.mock.contexts[0] as Worker;
    made.mockRestore();
    const client = await clientOf(database.uri);
    await client.db('samserver_test_worker').collection('x').insertOne({ a: 1 });
    await expect(startEmbeddedMongo({ directory })).rejects.toThrow(/already served/);
    expect(await client.db('samserver_test_worker').collection('x').findOne()).toMatchObject({ a: 1 });
    await client.close();
    await worker.terminate();
    expect((await database.failed).message).toContain('ended');
    const again = await startEmbeddedMongo({ directory, port: database.port });
    await again.stop();
    const died = await Promise.race([again.failed, Promise.resolve('not failed')]);
    expect(died).toBe('not failed');
  });
});

describe('a full disk', () => {
  it('fails the write with OutOfDiskSpace, keeps acknowledged writes, and still reads', async () => {
    const { uri } = await startChild(newDirectory(), 4096);
    const client = await clientOf(uri);
    const rows = client.db('samserver_test_full').collection<{ _id: number; fill: string }>('rows');
    let written = 0;
    const failure = await (async (): Promise<mongo.MongoServerError> => {
      for (;;) {
        try {
          await rows.insertOne({ _id: written, fill: 'x'.repeat(50_000) });
          written++;
        } catch (error) {
          return error as mongo.MongoServerError;
        }
      }
    })();
    expect([failure.code, failure.codeName]).toEqual([14031, 'OutOfDiskSpace']);
    expect(written).toBeGreaterThan(10);
    expect(await rows.estimatedDocumentCount()).toBe(written);
    expect((await rows.findOne({ _id: written - 1 }))?.fill.length).toBe(50_000);
    await expect(rows.insertOne({ _id: 9999, fill: 'x'.repeat(50_000) })).rejects.toMatchObject({
      code: 14031,
    });
    expect(await rows.findOne({ _id: 9999 })).toBeNull();
    await client.close();
  });
});

describe('a stopped server', () => {
  it('frees its port and its directory', async () => {
    const directory = newDirectory();
    const first = await serveEmbeddedMongo({ directory });
    const connection = await mongoose
      .createConnection(first.uri, { dbName: 'samserver_test_stop' })
      .asPromise();
    await expect(serveEmbeddedMongo({ directory })).rejects.toBeInstanceOf(DirectoryInUseError);
    await connection.collection('x').insertOne({ a: 1 });
    await connection.close();
    await first.stop();
    const second = await serveEmbeddedMongo({ directory, port: first.port });
    const again = await mongoose.createConnection(second.uri, { dbName: 'samserver_test_stop' }).asPromise();
    expect(
      await again
        .collection('x')
        .countDocuments({})
        .catch(() => 'refused'),
    ).toBe('refused');
    expect(await again.collection('x').estimatedDocumentCount()).toBe(1);
    await again.close();
    await second.stop();
  });
});
