import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags, FailsWith } from '../../core/index.js';
import { Public } from '../access/access.decorators.js';
import { AttemptLimiter } from './attempt-limiter.js';
import { LoginDto, RefreshDto, TokenPairDto } from './auth.dto.js';
import { SessionsService } from './sessions.service.js';
import { sessionIdIn, type TokenPair } from './token-pairs.service.js';
import { emailKey } from '../users/user.js';

@ApiTags('auth')
@Public()
@Controller('api/v1/auth')
export class AuthController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly limits: AttemptLimiter,
  ) {}

  @Post('login')
  @HttpCode(200)
  @ApiOperation({ operationId: 'logIn', summary: 'Log in with e-mail address and password' })
  @ApiOkResponse({ type: TokenPairDto })
  @FailsWith('auth/bad-credentials', 'auth/too-many-attempts', 'auth/busy')
  login(@Body() { email, password }: LoginDto): Promise<TokenPair> {
    return this.limits.limit('login', emailKey(email), () => this.sessions.logIn(email, password));
  }

  @Post('refresh')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'refreshTokens',
    summary:
      'Rotate the refresh token; every token that was rotated within the last 30 s gives the current successor',
  })
  @ApiOkResponse({ type: TokenPairDto })
  @FailsWith('auth/token-invalid', 'auth/token-expired', 'auth/session-revoked', 'auth/too-many-attempts')
  refresh(@Body() { refreshToken }: RefreshDto): Promise<TokenPair> {
    const sessionId = sessionIdIn(refreshToken);
    return this.limits.limit('refresh', sessionId, () => this.sessions.refresh(refreshToken));
  }
}
