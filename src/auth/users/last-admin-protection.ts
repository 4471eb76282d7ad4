import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { AdminGuardRepository } from './admin-guard.repository.js';
import { lastAdmin, usersBusy } from '../auth.errors.js';
import type { UserAccount } from './user.js';
import { UsersRepository } from './users.repository.js';

const MAX_ATTEMPTS = 50;
const MAX_PAUSE_MS = 20;

/**
 * Keeps at least one admin, also when all of them delete each other at the same moment on many instances.
 *
 * There are no transactions here, and "count, then delete" lets two requests count each other. So one guard document
 * lists users who are admins for certain, and is replaced by compare-and-set only. It holds because
 * - nobody stops being an admin before a replacement that leaves him out, and no replacement leaves nobody in;
 * - whoever comes in is confirmed first: that raises his version, and a removal prepared before it fails then;
 * - every removal replaces the guard, even if nothing in it changes: a confirmation under way loses its race and looks
 *   anew.
 * A crash between the steps leaves an admin who is not listed. That errs to the safe side, and he is confirmed when he
 * is needed; so are admins whom no code of ours made.
 */
@Injectable()
export class LastAdminProtection {
  constructor(
    private readonly users: UsersRepository,
    private readonly guard: AdminGuardRepository,
  ) {}

  /**
   * Changes or removes a user. `write` gets the user as just read, and gives null when somebody else changed him since:
   * then all of it begins again.
   * @param endsAdmin whether the user, if an admin, is one no longer after it
   * @throws users/last-admin, users/not-found, users/busy
   */
  async write<T>(
    userId: string,
    endsAdmin: boolean,
    write: (user: UserAccount) => Promise<T | null>,
  ): Promise<T> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      // Read before the guard is replaced: a confirmation in between makes the write fail.
      const user = await this.users.getById(userId);
      if (!endsAdmin || user.role !== 'admin' || (await this.removeFromGuard(userId))) {
        const written = await write(user);
        if (written !== null) return written;
      }
      // Two that keep confirming each other's admin would keep each other from writing.
      await this.pause();
    }
    throw usersBusy();
  }

  protected pause(): Promise<void> {
    return sleep(Math.random() * MAX_PAUSE_MS);
  }

  private async removeFromGuard(userId: string): Promise<boolean> {
    const { version, userIds } = await this.guard.read();
    const others = (await this.users.listAdmins()).filter(({ id }) => id !== userId);
    const listed = others.map(({ id }) => id).filter((id) => userIds.includes(id));
    const remaining = listed.length > 0 ? listed : await this.confirm(others);
    if (remaining.length === 0) throw lastAdmin();
    return this.guard.replace(version, remaining);
  }

  private async confirm(admins: readonly UserAccount[]): Promise<string[]> {
    const confirmed: string[] = [];
    for (const { id, version } of admins) {
      if (await this.users.confirmAdmin(id, version)) confirmed.push(id);
    }
    return confirmed;
  }
}
