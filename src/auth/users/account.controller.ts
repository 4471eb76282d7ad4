import { Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags, FailsWith } from '../../core/index.js';
import { Caller, ForRole } from '../access/access.decorators.js';
import { AttemptLimiter } from '../sessions/attempt-limiter.js';
import { ChangePasswordDto } from '../sessions/auth.dto.js';
import type { UserPrincipal } from '../access/principal.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { AccountDto } from './user.dto.js';
import { UsersService } from './users.service.js';

/** The caller's own account. */
@ApiTags('auth')
@ForRole('viewer')
@Controller('api/v1/auth')
export class AccountController {
  constructor(
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly limits: AttemptLimiter,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Get('me')
  @ApiOperation({ operationId: 'getAccount', summary: 'Get my account' })
  @ApiOkResponse({ type: AccountDto })
  async me(@Caller() caller: UserPrincipal): Promise<AccountDto> {
    return { ...(await this.users.get(caller.userId)), isLive: this.settings.isLive };
  }

  @Post('logout')
  @HttpCode(204)
  @ApiOperation({
    operationId: 'logOut',
    summary: 'Log out: ends this session, its tokens and live sockets at once',
  })
  @ApiNoContentResponse()
  logOut(@Caller() caller: UserPrincipal): Promise<void> {
    return this.sessions.logOut(caller);
  }

  @Post('password')
  @HttpCode(204)
  @ApiOperation({ operationId: 'changePassword', summary: 'Change my password; my other sessions end' })
  @ApiNoContentResponse()
  @FailsWith('auth/current-password-wrong', 'auth/too-many-attempts', 'auth/busy', 'users/busy')
  changePassword(
    @Caller() caller: UserPrincipal,
    @Body() { currentPassword, newPassword }: ChangePasswordDto,
  ): Promise<void> {
    return this.limits.limit('password-change', caller.userId, () =>
      this.users.changePassword(caller, currentPassword, newPassword),
    );
  }
}
