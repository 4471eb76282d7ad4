import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { MAX_TOKEN_LENGTH } from '../../core/index.js';
import { ACCESS_METADATA, type Access } from './access.decorators.js';
import { AccessTokensService } from './access-tokens.service.js';
import { notAllowed, tokenMissing } from '../auth.errors.js';
import { CallContext } from './call-context.js';
import { DeviceCredentialsService } from '../devices/device-credentials.service.js';
import { OpsTokens } from './ops-tokens.js';
import { hasRole, type OperatorPrincipal, type Principal, type Role } from './principal.js';

/** The token of the `Authorization: Bearer` header, not verified; null when there is none. */
export function bearerToken(request: Request): string | null {
  const token = /^Bearer (\S+)$/i.exec(request.get('authorization') ?? '')?.[1];
  return token !== undefined && token.length <= MAX_TOKEN_LENGTH ? token : null;
}

/**
 * Deny by default: a handler without an access decorator refuses every caller. Messages of sockets pass, because a
 * socket is authenticated when it connects and has no handlers before that.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly accessTokens: AccessTokensService,
    private readonly deviceCredentials: DeviceCredentialsService,
    private readonly opsTokens: OpsTokens,
    private readonly context: CallContext,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() === 'ws') return true;
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS_METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === 'public') return true;

    const request = context.switchToHttp().getRequest<Request & { principal?: Principal }>();
    if (access === 'scraper' && this.opsTokens.isScraper(request.ip ?? '')) return true;
    const principal = await this.authenticate(request);
    if (access === undefined || !isAllowed(principal, access)) throw notAllowed(access ?? 'closed');
    if (principal.kind !== 'operator') request.principal = principal;
    if (this.context.current) this.context.current.caller = principal;
    return true;
  }

  private async authenticate(request: Request): Promise<Principal | OperatorPrincipal> {
    const token = bearerToken(request);
    if (token === null) throw tokenMissing();
    if (this.opsTokens.isValid(token)) return { kind: 'operator' };
    return DeviceCredentialsService.isDeviceToken(token)
      ? this.deviceCredentials.verify(token)
      : this.accessTokens.verify(token);
  }
}

function isAllowed(principal: Principal | OperatorPrincipal, access: Exclude<Access, 'public'>): boolean {
  if (access === 'scraper') return principal.kind === 'operator';
  if (access === 'device' || access === 'operator') return principal.kind === access;
  const [role, other] = access.split('|') as [Role, 'device' | 'operator' | undefined];
  return principal.kind === 'user' ? hasRole(principal, role) : principal.kind === other;
}
