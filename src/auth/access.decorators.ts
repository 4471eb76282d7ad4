import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension } from '@nestjs/swagger';
import type { Request } from 'express';
import type { Principal, Role } from './principal.js';

/** `<role>|device`: users of this role and above, and devices for their own vehicle. */
export type Access = 'public' | 'device' | 'operator' | 'scraper' | Role | `${Role}|device`;
export const ACCESS = 'samserver:access';
/** Where the OpenAPI document finds who may call. */
export const WHO = 'x-who';

/** Nobody has to say who they are. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(ACCESS, 'public' satisfies Access);

/** Users of this role and above. */
export const ForRole = (role: Role): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS, role satisfies Access),
    ApiBearerAuth('user'),
    ApiExtension(WHO, [role]),
  );

/** Device tokens, for their own vehicle. */
export const ForDevice = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS, 'device' satisfies Access),
    ApiBearerAuth('device'),
    ApiExtension(WHO, ['device']),
  );

/** Users of this role and above, and device tokens for their own vehicle. */
export const ForRoleOrDevice = (role: Role): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS, `${role}|device` satisfies Access),
    ApiBearerAuth('user'),
    ApiBearerAuth('device'),
    ApiExtension(WHO, [role, 'device']),
  );

/** The ops token, and nobody's else. */
export const ForOperators = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS, 'operator' satisfies Access),
    ApiBearerAuth('ops'),
    ApiExtension(WHO, ['operator']),
  );

/** The ops token, or an address of METRICS_ALLOW_FROM. */
export const ForScrapers = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS, 'scraper' satisfies Access),
    ApiBearerAuth('ops'),
    ApiExtension(WHO, ['scraper']),
  );

/** Who is calling, as the guard found out. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<Request & { principal?: Principal }>();
  if (!principal) throw new Error('@Caller() on a public handler');
  return principal;
});
