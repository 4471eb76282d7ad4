import type { Role } from '../access/principal.js';

/** A user as the service keeps it. */
export interface UserAccount {
  /** 24 hexadecimal digits. */
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly passwordHash: string;
  /** Counts up with every change: what was read is changed only if it is still so. */
  readonly version: number;
  /** Counts up when all sessions of the user end; a session is good while it holds the same number. */
  readonly sessionEpoch: number;
  /** The one session that outlived the last count: the one that changed the password. */
  readonly keptSessionId: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A user as it may be shown. */
export type UserView = Pick<UserAccount, 'id' | 'email' | 'name' | 'role' | 'createdAt' | 'updatedAt'>;

export function toUserView({ id, email, name, role, createdAt, updatedAt }: UserAccount): UserView {
  return { id, email, name, role, createdAt, updatedAt };
}

/** Addresses are compared in this form: nobody remembers which letters of his were capitals. */
export function emailKey(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}
