import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import type { LoginSession, Rotation } from './session.js';
import { Session } from './session.schema.js';

type NewSession = Pick<LoginSession, 'userId' | 'epoch' | 'salt' | 'expiresAtMs'>;

@Injectable()
export class SessionsRepository {
  constructor(@InjectModel(Session.name) private readonly sessions: Model<Session>) {}

  async create({ userId, epoch, salt, expiresAtMs }: NewSession, nowMs: number): Promise<LoginSession> {
    const session = await this.sessions.create({
      userId: new Types.ObjectId(userId),
      epoch,
      salt,
      generation: 1,
      rotatedAt: new Date(nowMs),
      expiresAt: new Date(expiresAtMs),
    });
    return toSession(session);
  }

  async findById(id: string): Promise<LoginSession | null> {
    const found = await this.sessions.findById(id);
    return found && toSession(found);
  }

  async findByIds(ids: readonly string[]): Promise<LoginSession[]> {
    const found = await this.sessions.find({ _id: { $in: ids.map((id) => new Types.ObjectId(id)) } }).lean();
    return found.map(toSession);
  }

  /**
   * Raises the generation by one.
   * @param recent the earlier rotations to keep
   * @returns false when another request did so first
   */
  async rotate(id: string, generation: number, recent: readonly Rotation[], nowMs: number): Promise<boolean> {
    const rotations = [...recent, { generation, atMs: nowMs }];
    const recentRotations = rotations.map((each) => ({
      generation: each.generation,
      at: new Date(each.atMs),
    }));
    const result = await this.sessions.updateOne(
      { _id: new Types.ObjectId(id), generation },
      { $set: { generation: generation + 1, rotatedAt: new Date(nowMs), recentRotations } },
    );
    return result.modifiedCount === 1;
  }

  async revoke(id: string, nowMs: number): Promise<void> {
    await this.sessions.updateOne({ _id: new Types.ObjectId(id) }, { $set: { revokedAt: new Date(nowMs) } });
  }

  /** Removes sessions by `_id`, which begins with the second of their creation. @returns how many */
  async removeBegunBefore(beforeMs: number): Promise<number> {
    const before = Types.ObjectId.createFromTime(Math.floor(beforeMs / 1_000));
    return (await this.sessions.deleteMany({ _id: { $lt: before } })).deletedCount;
  }
}

function toSession(document: Session & { _id: Types.ObjectId }): LoginSession {
  return {
    id: document._id.toHexString(),
    userId: document.userId.toHexString(),
    salt: document.salt,
    generation: document.generation,
    epoch: document.epoch ?? 0,
    rotatedAtMs: document.rotatedAt.getTime(),
    recentRotations: (document.recentRotations ?? []).map(({ generation, at }) => ({
      generation,
      atMs: at.getTime(),
    })),
    expiresAtMs: document.expiresAt.getTime(),
    isRevoked: document.revokedAt !== undefined,
  };
}
