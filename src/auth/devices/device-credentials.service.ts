import { Inject, Injectable, Optional } from '@nestjs/common';
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Cache, type CachedReads, UNCACHED } from '../../cache/index.js';
import { Clock, EventBus } from '../../core/index.js';
import { AuditLog } from '../audit/audit-log.js';
import { credentialNotFound, tokenInvalid } from '../auth.errors.js';
import { DeviceCredentialsRepository, type StoredCredential } from './device-credentials.repository.js';
import type { DevicePrincipal } from '../access/principal.js';

const CACHE_TTL_MS = 30_000;
const TOKEN = /^([0-9a-f]{24})\.([A-Za-z0-9_-]{43})$/;

export interface IssuedCredential {
  readonly id: string;
  /** `<id>.<256-bit secret, base64url>`; shown only once. */
  readonly token: string;
}

/** A credential as the API shows it: without its secret. */
export interface CredentialSummary {
  readonly id: string;
  readonly label: string | null;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

@Injectable()
export class DeviceCredentialsService {
  private readonly valid: CachedReads<StoredCredential>;

  constructor(
    private readonly credentials: DeviceCredentialsRepository,
    private readonly events: EventBus,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    @Inject(Cache) @Optional() cache: Cache | null,
  ) {
    const options = { name: 'device-credentials', ttlMs: CACHE_TTL_MS, tier: 'process' } as const;
    this.valid = cache?.define<StoredCredential>(options) ?? UNCACHED;
    events.subscribe('access.revoked', (revocation) => {
      if ('credentialId' in revocation) void this.valid.forget(revocation.credentialId);
    });
  }

  /** True for a text with the form of a device token. */
  static isDeviceToken(token: string): boolean {
    return TOKEN.test(token);
  }

  async issue(vehicleId: string, label?: string): Promise<IssuedCredential> {
    const secret = randomBytes(32).toString('base64url');
    const id = this.credentials.newId();
    const target = { kind: 'credential', id, email: null } as const;
    const details = { vehicleId, ...(label !== undefined && { label }) };
    await this.audit.recordAndRun([{ action: 'credential.issued', target, details }], () =>
      this.credentials.create(id, vehicleId, hashOf(secret).toString('hex'), label),
    );
    return { id, token: `${id}.${secret}` };
  }

  async listOf(vehicleId: string): Promise<CredentialSummary[]> {
    const found = await this.credentials.listOf(vehicleId);
    return found.map(({ id, label, createdAt, revokedAt }) => ({ id, label, createdAt, revokedAt }));
  }

  /** Takes effect at once, also on live sockets. @throws credentials/not-found */
  async revoke(vehicleId: string, credentialId: string): Promise<void> {
    const credential = isId(credentialId) ? await this.credentials.findById(credentialId) : null;
    if (credential?.vehicleId !== vehicleId) throw credentialNotFound();
    if (!credential.revokedAt) {
      const target = { kind: 'credential', id: credentialId, email: null } as const;
      await this.audit.recordAndRun([{ action: 'credential.revoked', target, details: { vehicleId } }], () =>
        this.credentials.revoke(credentialId, new Date(this.clock.nowMs())),
      );
    }
    await this.events.publishAndWait('access.revoked', { credentialId });
  }

  /** @throws auth/token-invalid: the same for a malformed, unknown or revoked token, so that an attacker gets no information */
  async verify(token: string): Promise<DevicePrincipal> {
    const match = TOKEN.exec(token);
    if (!match?.[1] || !match[2]) throw tokenInvalid();
    const given = hashOf(match[2]);
    const [, id] = match;
    const credential = await this.valid.get(id, () => this.findValid(id));
    const isRight = isSame(Buffer.from(credential?.secretHash ?? '', 'hex'), given);
    if (!credential || !isRight) throw tokenInvalid();
    return { kind: 'device', vehicleId: credential.vehicleId, credentialId: credential.id };
  }

  /** @returns null for an unknown or revoked credential */
  private async findValid(id: string): Promise<StoredCredential | null> {
    const credential = await this.credentials.findById(id);
    return credential?.revokedAt === null ? credential : null;
  }
}

function isId(text: string): boolean {
  return /^[0-9a-f]{24}$/.test(text);
}

function hashOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** `timingSafeEqual` throws on different lengths, which a damaged record would cause. */
function isSame(stored: Buffer, given: Buffer): boolean {
  return stored.length === given.length && timingSafeEqual(stored, given);
}
