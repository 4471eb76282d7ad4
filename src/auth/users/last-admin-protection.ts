import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { AdminGuardRepository } from './admin-guard.repository.js';
import { lastAdmin, usersBusy } from '../auth.errors.js';
import type { UserAccount } from './user.js';
import { UsersRepository } from './users.repository.js';

const MAX_ATTEMPTS = 50;
const MAX_PAUSE_MS = 20;

/**
 * Keeps at least one admin, also when admins delete each other at the same moment on several instances.
 *
 * Without transactions, "count, then delete" is not safe: two requests count each other. So one guard document lists
 * confirmed admins, and it changes only by compare-and-set:
 * - A user stops being an admin only after a guard without that user was written, and no guard is ever empty.
 * - A user is confirmed before being listed. This raises the user's version, so a removal prepared before that fails.
 * - Every removal writes the guard, even an unchanged one: a confirmation under way then loses its race and reads anew.
 * A crash between the steps leaves an admin who is not listed. That is safe: such an admin is confirmed when needed. The
 * same holds for admins that were created outside this service.
 */
@Injectable()
export class LastAdminProtection {
  constructor(
    private readonly users: UsersRepository,
    private readonly guard: AdminGuardRepository,
  ) {}

  /**
   * Changes or removes a user. `write` gets the user as just read and returns null when the user was changed since; then
   * the whole operation is repeated.
   * @param endsAdmin whether an admin loses that role by it
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
      // A random pause: two requests that confirm each other's admin would block each other for ever.
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
