import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { duplicateKeyField } from '../../database/index.js';
import { emailTaken, userNotFound } from '../auth.errors.js';
import { emailKey, type UserAccount } from './user.js';
import { User } from './user.schema.js';

type NewUser = Pick<UserAccount, 'id' | 'email' | 'name' | 'role' | 'passwordHash'>;
export type UserChange = Partial<Omit<NewUser, 'id'>>;
/** Effect of a change on the user's open sessions. */
type SessionEffect = 'stay' | 'end' | { readonly endAllBut: string };

@Injectable()
export class UsersRepository {
  constructor(@InjectModel(User.name) private readonly users: Model<User>) {}

  /** Made before the user, so that the audit entry can name it. */
  newId(): string {
    return new Types.ObjectId().toHexString();
  }

  async findByEmail(email: string): Promise<UserAccount | null> {
    const found = await this.users.findOne({ email: emailKey(email) });
    return found && toAccount(found);
  }

  async findById(id: string): Promise<UserAccount | null> {
    const found = /^[0-9a-f]{24}$/.test(id) ? await this.users.findById(id) : null;
    return found && toAccount(found);
  }

  /** @throws users/not-found */
  async getById(id: string): Promise<UserAccount> {
    const found = await this.findById(id);
    if (!found) throw userNotFound();
    return found;
  }

  async findByIds(ids: readonly string[]): Promise<UserAccount[]> {
    return (await this.users.find({ _id: { $in: ids.map((id) => new Types.ObjectId(id)) } }).lean()).map(
      toAccount,
    );
  }

  /** In order of creation, after the given id. */
  async list(afterId: string | null, limit: number): Promise<UserAccount[]> {
    const found = await this.users
      .find(afterId === null ? {} : { _id: { $gt: new Types.ObjectId(afterId) } })
      .sort({ _id: 1 })
      .limit(limit);
    return found.map(toAccount);
  }

  async listAdmins(): Promise<UserAccount[]> {
    return (await this.users.find({ role: 'admin' })).map(toAccount);
  }

  async hasAny(): Promise<boolean> {
    return (await this.users.findOne({}, { _id: 1 })) !== null;
  }

  /** @param user with the address in the form of `emailKey` @throws users/email-taken */
  async create({ id, ...user }: NewUser): Promise<UserAccount> {
    return this.mapDuplicateEmail(async () => {
      const created = await this.users.create({
        _id: new Types.ObjectId(id),
        ...user,
        version: 0,
        sessionEpoch: 0,
      });
      return toAccount(created);
    });
  }

  /**
   * Changes the user at `version` and ends the sessions in the same write: old sessions never have the new role.
   * @returns null when the user was deleted or changed since
   * @throws users/email-taken
   */
  async change(
    id: string,
    version: number,
    change: UserChange,
    sessions: SessionEffect,
  ): Promise<UserAccount | null> {
    const kept =
      typeof sessions === 'object' ? { keptSessionId: new Types.ObjectId(sessions.endAllBut) } : {};
    const changed = await this.mapDuplicateEmail(() =>
      this.users.findOneAndUpdate(
        { _id: new Types.ObjectId(id), ...atVersion(version) },
        {
          $set: { ...change, ...kept },
          $inc: { version: 1, ...(sessions !== 'stay' && { sessionEpoch: 1 }) },
          ...(sessions === 'end' && { $unset: { keptSessionId: 1 } }),
        },
        { returnDocument: 'after' },
      ),
    );
    return changed && toAccount(changed);
  }

  /**
   * Raises the version of an admin, so that changes and removals prepared before fail.
   * @returns false when the user is no admin any more or was changed since
   */
  async confirmAdmin(id: string, version: number): Promise<boolean> {
    const result = await this.users.updateOne(
      { _id: new Types.ObjectId(id), role: 'admin', ...atVersion(version) },
      { $inc: { version: 1 } },
      { timestamps: false },
    );
    return result.modifiedCount === 1;
  }

  /** Stores another hash of the same password; does nothing when the password was changed meanwhile. */
  async replaceHash(id: string, formerHash: string, passwordHash: string): Promise<void> {
    await this.users.updateOne(
      { _id: new Types.ObjectId(id), passwordHash: formerHash },
      { $set: { passwordHash } },
      { timestamps: false },
    );
  }

  /** @returns false when the user was deleted or changed since */
  async remove(id: string, version: number): Promise<boolean> {
    const result = await this.users.deleteOne({ _id: new Types.ObjectId(id), ...atVersion(version) });
    return result.deletedCount === 1;
  }

  private async mapDuplicateEmail<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      throw duplicateKeyField(error) === 'email' ? emailTaken() : error;
    }
  }
}

/** A record of the old server has no version until its first change. */
function atVersion(version: number): { version: number | { $in: (number | null)[] } } {
  return { version: version === 0 ? { $in: [0, null] } : version };
}

function toAccount(document: User & { _id: Types.ObjectId }): UserAccount {
  const { email, name, role, passwordHash } = document;
  const createdAt = document.createdAt ?? document._id.getTimestamp();
  return {
    id: document._id.toHexString(),
    email,
    name,
    role,
    passwordHash,
    version: document.version ?? 0,
    sessionEpoch: document.sessionEpoch ?? 0,
    keptSessionId: document.keptSessionId?.toHexString() ?? null,
    createdAt,
    updatedAt: document.updatedAt ?? createdAt,
  };
}
