import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundJobs, Clock } from '../core/index.js';
import { EventStream } from './event-stream.js';
import { InstanceIdentity } from './instance-identity.js';
import { Redis } from './redis.js';

const WRITE_INTERVAL_MS = 2_000;
/** The list of an instance that was killed is gone after this time. */
const LIST_TTL_MS = 8_000;
/** One write of a chunk: about 100 kB. */
const CHUNK_FIELDS = 1_000;
const WRITE_TIMEOUT_MS = 1_000;
/** Sockets of one vehicle or user on one instance that are listed. */
const MAX_LISTED_OF_OWNER = 50;
/** The field of the counts; the owners' fields begin with their kind. */
const COUNTS_FIELD = 'counts';

/** Whose socket it is: a device of a vehicle, or a user. */
export interface SocketOwner {
  readonly kind: 'device' | 'user';
  /** Id of the vehicle or of the user. */
  readonly id: string;
  /** Id of the device credential or of the session. */
  readonly accessId: string;
}

export interface ConnectedSocket extends SocketOwner {
  /** Id of the instance. */
  readonly instance: string;
  readonly connectedAt: Date;
}

/** Open sockets of one instance. */
export interface SocketCounts {
  readonly devices: number;
  readonly users: number;
  /** Panels of the old server. */
  readonly panels: number;
}

interface OwnSocket extends SocketOwner {
  readonly connectedAtMs: number;
}

/**
 * Who is connected to which instance. Each instance keeps the list of its own sockets, and writes it to a hash of its own in
 * Redis: one field for each vehicle or user, changes in batches every 2 s, the whole list when the hash is gone. A connection
 * or a query never waits for the writing. Without Redis, only the sockets of this instance are found.
 *
 * 10,000 devices cost an instance 10,000 map entries and Redis 1.7 MB; the whole list is written in 10 chunks.
 */
@Injectable()
export class Presence implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Field of the owner → socket id → socket. */
  private readonly owners = new Map<string, Map<string, OwnSocket>>();
  private readonly changed = new Set<string>();
  private isWritten = false;
  private countSource: () => SocketCounts = () => ({ devices: 0, users: 0, panels: 0 });

  constructor(
    private readonly redis: Redis,
    private readonly identity: InstanceIdentity,
    private readonly stream: EventStream,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.redis.isConfigured) return;
    this.jobs.start({ name: 'presence', intervalMs: WRITE_INTERVAL_MS, run: () => this.write() });
  }

  /** The connection to Redis closes after the commands that were sent before. */
  async onApplicationShutdown(): Promise<void> {
    if (this.redis.isUp) await this.redis.run((client) => client.del(this.ownKey)).catch(() => undefined);
  }

  setCountSource(source: () => SocketCounts): void {
    this.countSource = source;
  }

  /** Also replaces the owner of a socket that has a new token. */
  add(socketId: string, owner: SocketOwner): void {
    const field = fieldOf(owner);
    const sockets = this.owners.get(field) ?? new Map<string, OwnSocket>();
    const connectedAtMs = sockets.get(socketId)?.connectedAtMs ?? this.clock.nowMs();
    this.owners.set(field, sockets.set(socketId, { ...owner, connectedAtMs }));
    if (this.redis.isConfigured) this.changed.add(field);
  }

  remove(socketId: string, owner: Pick<SocketOwner, 'kind' | 'id'>): void {
    const field = fieldOf(owner);
    const sockets = this.owners.get(field);
    if (!sockets?.delete(socketId)) return;
    if (sockets.size === 0) this.owners.delete(field);
    if (this.redis.isConfigured) this.changed.add(field);
  }

  /**
   * The sockets of the owners on all instances; those of other instances are up to 2 s old. Never rejects.
   * @returns isComplete false: the list of an instance is not known
   */
  async find(
    owners: readonly Pick<SocketOwner, 'kind' | 'id'>[],
  ): Promise<{ readonly sockets: readonly ConnectedSocket[]; readonly isComplete: boolean }> {
    const fields = owners.map(fieldOf);
    const others = [...(this.stream.otherIds ?? [])];
    const lists = await Promise.all(others.map((id) => this.readList(id, fields)));
    const own = fields.flatMap((field) => [...(this.owners.get(field)?.values() ?? [])]);
    const asConnected =
      (instance: string) =>
      ({ connectedAtMs, ...owner }: OwnSocket): ConnectedSocket => ({
        ...owner,
        instance,
        connectedAt: new Date(connectedAtMs),
      });
    return {
      sockets: [
        ...own.map(asConnected(this.identity.id)),
        ...lists.flatMap((list, index) => (list ?? []).map(asConnected(others[index] ?? ''))),
      ],
      isComplete: this.stream.otherIds !== null && lists.every((list) => list !== null),
    };
  }

  /** @returns null: not known. Never rejects. */
  async countsOf(instanceId: string): Promise<SocketCounts | null> {
    if (instanceId === this.identity.id) return this.countSource();
    const [counts] = (await this.readFields(instanceId, [COUNTS_FIELD])) ?? [];
    return typeof counts !== 'string' ? null : (JSON.parse(counts) as SocketCounts);
  }

  private get ownKey(): string {
    return this.redis.key('presence', this.identity.id);
  }

  private async readList(
    instanceId: string,
    fields: readonly string[],
  ): Promise<readonly OwnSocket[] | null> {
    const found = await this.readFields(instanceId, [COUNTS_FIELD, ...fields]);
    // The counts are written last: without them, the list is not whole yet.
    if (typeof found?.[0] !== 'string') return null;
    return found.slice(1).flatMap((text) => (text === null ? [] : (JSON.parse(text) as OwnSocket[])));
  }

  private async readFields(instanceId: string, fields: string[]): Promise<(string | null)[] | null> {
    if (!this.redis.isUp) return null;
    const key = this.redis.key('presence', instanceId);
    return this.redis.run((client) => client.hmGet(key, fields)).catch(() => null);
  }

  /** Never rejects; after a failure the whole list is written again. */
  private async write(): Promise<void> {
    if (!this.redis.isUp) {
      this.isWritten = false;
      this.changed.clear();
      return;
    }
    try {
      // False when Redis lost it, or when this process was paused.
      const isKept = this.isWritten && (await this.run((client) => client.pExpire(this.ownKey, LIST_TTL_MS)));
      this.isWritten = false;
      if (!isKept) await this.run((client) => client.del(this.ownKey));
      const fields = [...(isKept ? this.changed : this.owners.keys())];
      this.changed.clear();
      for (let from = 0; from < fields.length; from += CHUNK_FIELDS)
        await this.writeFields(fields.slice(from, from + CHUNK_FIELDS));
      await this.writeCounts();
      this.isWritten = true;
    } catch {
      this.isWritten = false;
    }
  }

  private async writeFields(fields: readonly string[]): Promise<void> {
    const present = fields.flatMap((field) => {
      const sockets = [...(this.owners.get(field)?.values() ?? [])].slice(0, MAX_LISTED_OF_OWNER);
      return sockets.length === 0 ? [] : [[field, JSON.stringify(sockets)] as const];
    });
    const gone = fields.filter((field) => !this.owners.has(field));
    await this.run((client) => {
      const batch = client.multi();
      if (present.length > 0) batch.hSet(this.ownKey, Object.fromEntries(present));
      if (gone.length > 0) batch.hDel(this.ownKey, gone);
      return batch.pExpire(this.ownKey, LIST_TTL_MS).exec();
    });
  }

  private async writeCounts(): Promise<void> {
    const counts = JSON.stringify(this.countSource());
    await this.run((client) =>
      client.multi().hSet(this.ownKey, COUNTS_FIELD, counts).pExpire(this.ownKey, LIST_TTL_MS).exec(),
    );
  }

  private run<T>(use: Parameters<typeof this.redis.run<T>>[0]): Promise<T> {
    return this.redis.run(use, WRITE_TIMEOUT_MS);
  }
}

function fieldOf({ kind, id }: Pick<SocketOwner, 'kind' | 'id'>): string {
  return `${kind}:${id}`;
}
