import { Injectable } from '@nestjs/common';
import { EventBus, type Page, pageOf, type PageRequest } from '../../core/index.js';
import { AuditLog } from '../audit/audit-log.js';
import type { NewAuditEntry, AuditTarget } from '../audit/audit-entry.js';
import { LastAdminProtection } from './last-admin-protection.js';
import { PasswordHasher } from './password-hasher.js';
import type { Role, UserPrincipal } from '../access/principal.js';
import { currentPasswordWrong, sessionRevoked, usersBusy } from '../auth.errors.js';
import { SessionValidityCache } from '../sessions/session-validity-cache.js';
import { emailKey, toUserView, type UserAccount, type UserView } from './user.js';
import { type UserChange, UsersRepository } from './users.repository.js';

export interface UserInput {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  /** 12–72 bytes. */
  readonly password: string;
}

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** The address or the name of a user changed; it is durable. A change that ends sessions is `access.revoked`. */
    'user.changed': { readonly userId: string };
  }
}

/** Users: changes by admins, and of the own password. */
@Injectable()
export class UsersService {
  constructor(
    private readonly users: UsersRepository,
    private readonly hasher: PasswordHasher,
    private readonly lastAdmin: LastAdminProtection,
    private readonly sessionValidity: SessionValidityCache,
    private readonly audit: AuditLog,
    private readonly events: EventBus,
  ) {}

  /** @throws users/email-taken, auth/busy */
  async create({ email, name, role, password }: UserInput): Promise<UserView> {
    const user = { id: this.users.newId(), email: emailKey(email), name, role };
    const passwordHash = await this.hasher.hash(password);
    const entry: NewAuditEntry = { action: 'user.created', target: targetOf(user), details: { role } };
    return toUserView(
      await this.audit.recordAndRun([entry], () => this.users.create({ ...user, passwordHash })),
    );
  }

  /** @throws users/not-found */
  async get(id: string): Promise<UserView> {
    return toUserView(await this.users.getById(id));
  }

  async list({ afterId, limit }: PageRequest): Promise<Page<UserView>> {
    const found = await this.users.list(afterId, limit + 1);
    return pageOf(found.map(toUserView), limit);
  }

  /**
   * A new role or password ends the user's sessions.
   * @throws users/not-found, users/email-taken, users/last-admin, users/busy, auth/busy
   */
  async update(id: string, { email, name, role, password }: Partial<UserInput>): Promise<UserView> {
    const before = await this.users.getById(id);
    const change: UserChange = {
      ...(email !== undefined && { email: emailKey(email) }),
      ...(name !== undefined && { name }),
      ...(role !== undefined && { role }),
      ...(password !== undefined && { passwordHash: await this.hasher.hash(password) }),
    };
    const entries = auditEntriesOf(before, change);
    if (entries.length === 0) return toUserView(before);

    const endsAdmin = role !== undefined && role !== 'admin';
    let endsSessions = false;
    const after = await this.audit.recordAndRun(entries, () =>
      this.lastAdmin.write(id, endsAdmin, (user) => {
        endsSessions = password !== undefined || (role !== undefined && role !== user.role);
        return this.users.change(id, user.version, change, endsSessions ? 'end' : 'stay');
      }),
    );
    await this.events.publishAndWait(endsSessions ? 'access.revoked' : 'user.changed', { userId: id });
    return toUserView(after);
  }

  /** @throws users/not-found, users/last-admin, users/busy */
  async remove(id: string): Promise<void> {
    const before = await this.users.getById(id);
    const entry: NewAuditEntry = {
      action: 'user.deleted',
      target: targetOf(before),
      details: { role: before.role },
    };
    await this.audit.recordAndRun([entry], () =>
      this.lastAdmin.write(id, true, async (user) => (await this.users.remove(id, user.version)) || null),
    );
    await this.events.publishAndWait('access.revoked', { userId: id });
  }

  /**
   * Changes the caller's own password and ends the other sessions: another person may know the old password.
   * @throws auth/current-password-wrong, auth/session-revoked, auth/busy, users/busy
   */
  async changePassword(
    { userId, sessionId }: UserPrincipal,
    currentPassword: string,
    newPassword: string,
  ): Promise<void> {
    const user = await this.users.getById(userId);
    const target = targetOf(user);
    if (!(await this.hasher.isMatch(currentPassword, user.passwordHash))) {
      await this.audit.record({ action: 'auth.password-check-failed', target });
      throw currentPasswordWrong();
    }
    const passwordHash = await this.hasher.hash(newPassword);
    // Checked after the user was read: a session that ended in between must not be the one that is kept.
    if (!(await this.sessionValidity.checkUncached(sessionId, userId))) throw sessionRevoked();
    await this.audit.recordAndRun([{ action: 'user.password-changed', target }], async () => {
      const keep = { endAllBut: sessionId };
      if (!(await this.users.change(userId, user.version, { passwordHash }, keep))) throw usersBusy();
    });
    await this.events.publishAndWait('access.revoked', { userId, keptSessionId: sessionId });
  }
}

/** Separate entries for role and password, because auditors search for these. */
function auditEntriesOf(
  before: UserAccount,
  { email, name, role, passwordHash }: UserChange,
): NewAuditEntry[] {
  const target = targetOf(before);
  const entries: NewAuditEntry[] = [];
  const details = {
    ...(email !== undefined && email !== before.email && { emailFrom: before.email, emailTo: email }),
    ...(name !== undefined && name !== before.name && { nameFrom: before.name, nameTo: name }),
  };
  if (Object.keys(details).length > 0) entries.push({ action: 'user.changed', target, details });
  if (role !== undefined && role !== before.role) {
    entries.push({ action: 'user.role-changed', target, details: { from: before.role, to: role } });
  }
  if (passwordHash !== undefined) entries.push({ action: 'user.password-changed', target });
  return entries;
}

function targetOf({ id, email }: Pick<UserAccount, 'id' | 'email'>): AuditTarget {
  return { kind: 'user', id, email };
}
