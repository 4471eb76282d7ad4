import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { Request } from 'express';
import { ApiBearerAuth, ApiExtension, API_ACCESS } from '../../core/index.js';
import type { Principal, Role } from './principal.js';

/** `<role>|device`: users of this role and above, and devices for their own vehicle; `<role>|operator` likewise. */
export type Access = 'public' | 'device' | 'operator' | 'scraper' | Role | `${Role}|${'device' | 'operator'}`;
export const ACCESS_METADATA = 'samserver:access';

/** Callers need no token. */
export const Public = (): MethodDecorator & ClassDecorator =>
  SetMetadata(ACCESS_METADATA, 'public' satisfies Access);

/** Users of this role and above. */
export const ForRole = (role: Role): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, role satisfies Access),
    ApiBearerAuth('user'),
    ApiExtension(API_ACCESS, [role]),
  );

/** Device tokens, for their own vehicle. */
export const ForDevice = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, 'device' satisfies Access),
    ApiBearerAuth('device'),
    ApiExtension(API_ACCESS, ['device']),
  );

/** Users of this role and above, and device tokens for their own vehicle. */
export const ForRoleOrDevice = (role: Role): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, `${role}|device` satisfies Access),
    ApiBearerAuth('user'),
    ApiBearerAuth('device'),
    ApiExtension(API_ACCESS, [role, 'device']),
  );

/** Operators: the ops token only. */
export const ForOperators = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, 'operator' satisfies Access),
    ApiBearerAuth('ops'),
    ApiExtension(API_ACCESS, ['operator']),
  );

/** Users of this role and above, and operators with the ops token. */
export const ForRoleOrOperators = (role: Role): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, `${role}|operator` satisfies Access),
    ApiBearerAuth('user'),
    ApiBearerAuth('ops'),
    ApiExtension(API_ACCESS, [role, 'operator']),
  );

/** The ops token, or an address of METRICS_ALLOW_FROM. */
export const ForScrapers = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, 'scraper' satisfies Access),
    ApiBearerAuth('ops'),
    ApiExtension(API_ACCESS, ['scraper']),
  );

/** The caller, as the guard authenticated it. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<Request & { principal?: Principal }>();
  if (!principal) throw new Error('@Caller() on a public handler');
  return principal;
});
