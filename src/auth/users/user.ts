import type { Role } from '../access/principal.js';

/** A user as the service keeps it. */
export interface UserAccount {
  /** 24 hexadecimal digits. */
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly passwordHash: string;
  /** Grows with every change; a write names the version that was read. */
  readonly version: number;
  /** Grows when all sessions of the user end; a session is valid while it has the same number. */
  readonly sessionEpoch: number;
  /** The session that survived the last increase: the one that changed the password. */
  readonly keptSessionId: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A user as the API shows it. */
export type UserView = Pick<UserAccount, 'id' | 'email' | 'name' | 'role' | 'createdAt' | 'updatedAt'>;

export function toUserView({ id, email, name, role, createdAt, updatedAt }: UserAccount): UserView {
  return { id, email, name, role, createdAt, updatedAt };
}

/** The form in which addresses are stored and compared: case and spaces do not matter. */
export function emailKey(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}
