import { Injectable } from '@nestjs/common';
import { type Page, pageOf, type PageRequest, EventBus } from '../../core/index.js';
import { AuditLog } from '../audit/audit-log.js';
import type { NewAuditEntry, AuditTarget } from '../audit/audit-entry.js';
import { LastAdminProtection } from './last-admin-protection.js';
import { PasswordHasher } from './password-hasher.js';
import type { Role } from '../access/principal.js';
import { emailKey, toUserView, type UserAccount, type UserView } from './user.js';
import { type UserChange, UsersRepository } from './users.repository.js';

export interface UserInput {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  /** 12–72 bytes. */
  readonly password: string;
}

/** What admins do about users. */
@Injectable()
export class UsersService {
  constructor(
    private readonly users: UsersRepository,
    private readonly hasher: PasswordHasher,
    private readonly lastAdmin: LastAdminProtection,
    private readonly audit: AuditLog,
    private readonly events: EventBus,
  ) {}

  /** @throws users/email-taken, auth/busy */
  async create({ email, name, role, password }: UserInput): Promise<UserView> {
    const user = { id: this.users.newId(), email: emailKey(email), name, role };
    const passwordHash = await this.hasher.hash(password);
    const act: NewAuditEntry = { action: 'user.created', target: targetOf(user), details: { role } };
    return toUserView(
      await this.audit.recordAndRun([act], () => this.users.create({ ...user, passwordHash })),
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
    const acts = auditEntriesOf(before, change);
    if (acts.length === 0) return toUserView(before);

    const endsAdmin = role !== undefined && role !== 'admin';
    let endsSessions = false;
    const after = await this.audit.recordAndRun(acts, () =>
      this.lastAdmin.write(id, endsAdmin, (user) => {
        endsSessions = password !== undefined || (role !== undefined && role !== user.role);
        return this.users.change(id, user.version, change, endsSessions ? 'end' : 'stay');
      }),
    );
    if (endsSessions) await this.events.publishAndWait('access.revoked', { userId: id });
    return toUserView(after);
  }

  /** @throws users/not-found, users/last-admin, users/busy */
  async remove(id: string): Promise<void> {
    const before = await this.users.getById(id);
    const act: NewAuditEntry = {
      action: 'user.deleted',
      target: targetOf(before),
      details: { role: before.role },
    };
    await this.audit.recordAndRun([act], () =>
      this.lastAdmin.write(id, true, async (user) => (await this.users.remove(id, user.version)) || null),
    );
    await this.events.publishAndWait('access.revoked', { userId: id });
  }
}

/** One act for what an auditor looks for by itself: the role, the password, the rest. */
function auditEntriesOf(
  before: UserAccount,
  { email, name, role, passwordHash }: UserChange,
): NewAuditEntry[] {
  const target = targetOf(before);
  const acts: NewAuditEntry[] = [];
  const details = {
    ...(email !== undefined && email !== before.email && { emailFrom: before.email, emailTo: email }),
    ...(name !== undefined && name !== before.name && { nameFrom: before.name, nameTo: name }),
  };
  if (Object.keys(details).length > 0) acts.push({ action: 'user.changed', target, details });
  if (role !== undefined && role !== before.role) {
    acts.push({ action: 'user.role-changed', target, details: { from: before.role, to: role } });
  }
  if (passwordHash !== undefined) acts.push({ action: 'user.password-changed', target });
  return acts;
}

function targetOf({ id, email }: Pick<UserAccount, 'id' | 'email'>): AuditTarget {
  return { kind: 'user', id, email };
}
