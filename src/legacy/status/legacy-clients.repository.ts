import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { type LegacyClient, LegacyClientRecord } from './legacy-client.schema.js';

@Injectable()
export class LegacyClientsRepository {
  constructor(@InjectModel(LegacyClientRecord.name) private readonly clients: Model<LegacyClientRecord>) {}

  /** Adds `count` to the stored count and sets `lastSeenAt`. */
  async record({ firstSeenAt, count, ...seen }: LegacyClient): Promise<void> {
    await this.clients.updateOne(
      { _id: idOf(seen) },
      { $set: seen, $setOnInsert: { firstSeenAt }, $inc: { count } },
      { upsert: true },
    );
  }

  /** The most recently seen client first. */
  async list(): Promise<LegacyClient[]> {
    const found = await this.clients.find().lean();
    return found
      .map(({ _id: _, lastAddress = null, ...client }) => ({ ...client, lastAddress }))
      .sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  }

  async remove(clients: readonly LegacyClient[]): Promise<void> {
    if (clients.length > 0) await this.clients.deleteMany({ _id: { $in: clients.map(idOf) } });
  }
}

export function idOf({ kind, name, dialect }: Pick<LegacyClient, 'kind' | 'name' | 'dialect'>): string {
  return kind === 'panel' ? `${kind}:${name} ${dialect}` : `${kind}:${name}`;
}
