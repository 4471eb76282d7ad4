import { Controller, Get, Header, HttpStatus, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccessTokensService, bearerToken, OpsTokens, Public } from '../auth/index.js';
import { InstanceIdentity } from '../cluster/index.js';
import {
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
  LeanRoutes,
} from '../core/index.js';
import { DrainService, InstanceLifecycle, type InstanceState } from '../deployment/index.js';
import {
  READY_DETAILS,
  READY_REFUSAL,
  type ReadyAnswer,
  type ReadyDetails,
  ReadinessReport,
} from './readiness-report.js';

interface HealthAnswer {
  readonly status: 'ok' | 'broken';
  readonly state: InstanceState;
  readonly uptimeS: number;
  readonly release: {
    readonly version: string;
    readonly revision: string | null;
    readonly color: string | null;
    readonly startedAt: Date;
  };
}

const RETRY_AFTER_S = 2;
/** A probe is answered within 50 ms. An admin's session is read from the database, which may not answer. */
const SESSION_TIMEOUT_MS = 25;

/** The probes of an orchestrator. They read the lifecycle in memory and run no check. */
@ApiTags('health')
@Public()
@Controller()
export class HealthController {
  constructor(
    private readonly lifecycle: InstanceLifecycle,
    private readonly identity: InstanceIdentity,
    private readonly drainService: DrainService,
    private readonly report: ReadinessReport,
    private readonly opsTokens: OpsTokens,
    private readonly accessTokens: AccessTokensService,
    leanRoutes: LeanRoutes,
  ) {
    leanRoutes.add({
      method: 'GET',
      path: '/health',
      handle: () => ({
        status: this.healthStatus,
        headers: ['Cache-Control', 'no-store'],
        body: this.healthAnswer(),
      }),
    });
  }

  /** Depends on this process only: a database outage must not restart every instance. */
  @Get('health')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'getHealth',
    summary: 'Liveness: should this process be restarted? With `boot=1`: was it ever ready?',
  })
  @ApiOkResponse({
    description: 'The process works, in any state.',
    example: {
      status: 'ok',
      state: 'ready',
      uptimeS: 4711,
      release: { version: '0.1.0', revision: null, color: 'green', startedAt: '2026-11-24T03:00:00.000Z' },
    },
  })
  @ApiServiceUnavailableResponse({
    description: 'The process is broken; with `boot=1` also when it has not been ready yet.',
  })
  health(@Query('boot') boot: unknown, @Res({ passthrough: true }) response: Response): HealthAnswer {
    const isBooting = boot === '1' && !this.lifecycle.hasEverServed;
    response.status(isBooting ? HttpStatus.SERVICE_UNAVAILABLE : this.healthStatus);
    return this.healthAnswer();
  }

  @Get('ready')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'getReadiness',
    summary: 'Readiness: may traffic be sent here? With the ops token or the token of an admin: all details',
  })
  @ApiOkResponse({ description: 'Ready for traffic.', example: READY_DETAILS })
  @ApiServiceUnavailableResponse({
    description: 'Not ready for traffic; `reasons` lists why.',
    example: READY_REFUSAL,
  })
  async ready(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReadyAnswer | (ReadyAnswer & ReadyDetails)> {
    const isPrivileged = await this.isPrivileged(request);
    const answer = this.report.answer();
    if (answer.status !== 'ready')
      response.status(HttpStatus.SERVICE_UNAVAILABLE).setHeader('Retry-After', RETRY_AFTER_S);
    return isPrivileged ? { ...answer, ...this.report.details() } : answer;
  }

  private get healthStatus(): HttpStatus {
    return this.drainService.isOverdue ? HttpStatus.SERVICE_UNAVAILABLE : HttpStatus.OK;
  }

  private healthAnswer(): HealthAnswer {
    return {
      status: this.drainService.isOverdue ? 'broken' : 'ok',
      state: this.lifecycle.state,
      uptimeS: Math.floor(process.uptime()),
      release: { ...this.identity.release, startedAt: this.identity.startedAt },
    };
  }

  /** True for the ops token, and for the access token of an admin whose session is verified in time. Never rejects. */
  private async isPrivileged(request: Request): Promise<boolean> {
    const token = bearerToken(request);
    if (token === null) return false;
    if (this.opsTokens.isValid(token)) return true;
    const isAdmin = this.accessTokens.verify(token).then(
      ({ role }) => role === 'admin',
      () => false,
    );
    return Promise.race([isAdmin, sleep(SESSION_TIMEOUT_MS, false, { ref: false })]);
  }
}
