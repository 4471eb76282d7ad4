import { describe, expect, it } from '@jest/globals';
import type { AdminGuardRepository } from './admin-guard.repository.js';
import { LastAdminProtection } from './last-admin-protection.js';
import type { UserAccount } from './user.js';
import type { UsersRepository } from './users.repository.js';

/** Storage in memory whose calls wait until the schedule runs them, so that a test can run the steps in any order. */
class ScheduledStorage {
  readonly roles = new Map<string, { role: string; version: number }>();
  readonly guard = { version: 0, userIds: [] as readonly string[] };
  private waiting: (() => void)[] = [];
  private seed: number;

  constructor(seed: number, admins: readonly string[]) {
    this.seed = seed;
    for (const id of admins) this.roles.set(id, { role: 'admin', version: 0 });
  }

  get admins(): string[] {
    return [...this.roles].filter(([, { role }]) => role === 'admin').map(([id]) => id);
  }

  /** Runs the steps one at a time, in an order that the seed determines. With `crashes`, some steps never run. */
  async play(crashes: boolean): Promise<void> {
    for (;;) {
      // After this turn of the event loop, all work between two storage calls is done.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.waiting.length === 0 || this.admins.length === 0) return;
      const [step] = this.waiting.splice(this.random(this.waiting.length), 1);
      if (!crashes || this.random(25) > 0) step?.();
    }
  }

  readonly users = {
    getById: (id: string) => this.step(() => this.read(id) ?? this.fail('users/not-found')),
    listAdmins: () => this.step(() => this.admins.flatMap((id) => this.read(id) ?? [])),
    confirmAdmin: (id: string, version: number) =>
      this.step(() => this.roles.get(id)?.role === 'admin' && this.raise(id, version)),
  } as unknown as UsersRepository;

  readonly guards = {
    read: () => this.step(() => ({ ...this.guard })),
    replace: (version: number, userIds: readonly string[]) =>
      this.step(() => {
        if (this.guard.version !== version) return false;
        Object.assign(this.guard, { version: version + 1, userIds });
        return true;
      }),
  } as unknown as AdminGuardRepository;

  setRole(id: string, version: number, role: string): Promise<true | null> {
    return this.step(() => {
      if (!this.raise(id, version)) return null;
      this.roles.set(id, { role, version: version + 1 });
      return true;
    });
  }

  remove(id: string, version: number): Promise<true | null> {
    return this.step(() => (this.roles.get(id)?.version === version && this.roles.delete(id)) || null);
  }

  private raise(id: string, version: number): boolean {
    const user = this.roles.get(id);
    if (user?.version !== version) return false;
    user.version += 1;
    return true;
  }

  private read(id: string): UserAccount | undefined {
    const user = this.roles.get(id);
    return user && (Object.assign({ id }, user) as unknown as UserAccount);
  }

  private fail(code: string): never {
    throw Object.assign(new Error(code), { code });
  }

  private step<T>(work: () => T): Promise<T> {
    return new Promise<void>((resolve) => this.waiting.push(resolve)).then(work);
  }

  private random(below: number): number {
    this.seed = (this.seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((this.seed / 2_147_483_648) * below);
  }
}

class WithoutPause extends LastAdminProtection {
  protected override pause(): Promise<void> {
    return Promise.resolve();
  }
}

/** Removes, demotes and promotes three of three admins at the same time. */
async function runSchedule(seed: number, crashes: boolean): Promise<ScheduledStorage> {
  const stage = new ScheduledStorage(seed, ['a', 'b', 'c']);
  const lastAdmin = new WithoutPause(stage.users, stage.guards);
  const demote = (id: string) =>
    lastAdmin.write(id, true, (user) => stage.setRole(id, user.version, 'viewer'));
  const promote = (id: string) =>
    lastAdmin.write(id, false, (user) => stage.setRole(id, user.version, 'admin'));
  const remove = (id: string) => lastAdmin.write(id, true, (user) => stage.remove(id, user.version));
  const all = [demote('a'), remove('b'), demote('c'), promote('a'), remove('c'), demote('b'), demote('a')];
  for (const one of all) one.catch(() => undefined);
  await stage.play(crashes);
  return stage;
}

describe('LastAdmin', () => {
  it.each([false, true])(
    'leaves an admin whatever the order of the steps (with crashes: %s)',
    async (crashes) => {
      for (let seed = 1; seed <= 1_500; seed += 1) {
        const stage = await runSchedule(seed * 7_919, crashes);
        if (stage.admins.length === 0) throw new Error(`no admin left with seed ${seed}`);
      }
    },
  );

  it('refuses to remove the only admin, and removes one of two', async () => {
    const stage = new ScheduledStorage(1, ['a', 'b']);
    const lastAdmin = new WithoutPause(stage.users, stage.guards);
    const demote = (id: string) =>
      lastAdmin.write(id, true, (user) => stage.setRole(id, user.version, 'viewer'));
    const first = demote('a');
    await stage.play(false);
    await expect(first).resolves.toBe(true);
    const second = demote('b');
    second.catch(() => undefined);
    await stage.play(false);
    await expect(second).rejects.toMatchObject({ code: 'users/last-admin' });
  });
});
