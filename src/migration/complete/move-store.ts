import { Module } from '@nestjs/common';
import { CommandError, type CommandIo, EXIT_CODES } from '../../core/commands/index.js';
import { changedRole, LegacyMoveRepository } from '../../legacy/roles/index.js';
import { withCommandContext } from '../command-context.js';
import { loadCommandSettings } from '../command-settings.js';
import { OldWritesRepository } from './old-writes.repository.js';

/** Attempts against other writers of the role. */
const MAX_ATTEMPTS = 5;

@Module({ providers: [LegacyMoveRepository, OldWritesRepository] })
class MoveStoreModule {}

/** The database of Samserver and of the old server, without Samserver. */
export class MoveStore {
  private constructor(
    private readonly roles: LegacyMoveRepository,
    readonly writes: OldWritesRepository,
  ) {}

  /** @throws CommandError for a database that does not answer */
  static async with<T>(io: CommandIo, work: (store: MoveStore) => Promise<T>): Promise<T> {
    const settings = loadCommandSettings(io);
    if (settings.mongo.url === null)
      throw new CommandError('MONGODB_URL: is needed; it names the shared database', EXIT_CODES.CONFIG);
    return withCommandContext(
      io,
      [MoveStoreModule],
      (context) => work(new MoveStore(context.get(LegacyMoveRepository), context.get(OldWritesRepository))),
      settings,
    );
  }

  /**
   * Gives the role to the old server without Samserver, whose instances adopt it when they run again.
   * @returns false when the old server had it
   */
  async giveBackRole(by: string, why: string): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const before = await this.roles.findRole();
      if (before?.role === 'old') return false;
      const record = changedRole(before, { role: 'old', by, why }, new Date());
      if (await this.roles.replaceRole(before?.epoch ?? null, record)) return true;
    }
    throw new CommandError('the role is being changed by another program', EXIT_CODES.TEMPORARY_FAILURE);
  }
}
