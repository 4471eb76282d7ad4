import { Controller, Get, Header, HttpStatus, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Public } from '../auth/index.js';
import {
  InstanceIdentity,
  InstanceLifecycle,
  type InstanceState,
  DrainService,
} from '../deployment/index.js';
import { READY_DETAILS, READY_REFUSAL } from './health.examples.js';
import { PrivilegedAccess } from './privileged-access.js';
import { type ReadyAnswer, type ReadyDetails, ReadinessReport } from './readiness-report.js';

export interface HealthAnswer {
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

/** The two questions of an orchestrator. Neither asks anybody anything: what is answered is known already. */
@ApiTags('health')
@Public()
@Controller()
export class HealthController {
  constructor(
    private readonly instance: InstanceLifecycle,
    private readonly identity: InstanceIdentity,
    private readonly drainService: DrainService,
    private readonly report: ReadinessReport,
    private readonly privilegedAccess: PrivilegedAccess,
  ) {}

  /** In-process only: a database's outage must not restart every instance. */
  @Get('health')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Liveness: restart me? With `boot=1`: was it ever ready?' })
  @ApiOkResponse({
    description: 'The process is alive, whatever its state.',
    example: {
      status: 'ok',
      state: 'ready',
      uptimeS: 4711,
      release: { version: '0.1.0', revision: null, color: 'green', startedAt: '2026-11-24T03:00:00.000Z' },
    },
  })
  @ApiServiceUnavailableResponse({ description: 'It is broken; or, with `boot=1`, it was never ready yet.' })
  health(@Query('boot') boot: unknown, @Res({ passthrough: true }) response: Response): HealthAnswer {
    const isBroken = this.drainService.isOverdue;
    const isBooting = boot === '1' && !this.instance.hasEverServed;
    if (isBroken || isBooting) response.status(HttpStatus.SERVICE_UNAVAILABLE);
    return {
      status: isBroken ? 'broken' : 'ok',
      state: this.instance.state,
      uptimeS: Math.floor(process.uptime()),
      release: { ...this.identity.release, startedAt: this.identity.startedAt },
    };
  }

  @Get('ready')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Readiness: send me traffic? With the ops token or an admin’s: why, in detail' })
  @ApiOkResponse({ description: 'Send traffic.', example: READY_DETAILS })
  @ApiServiceUnavailableResponse({ description: 'Send none; `reasons` says why.', example: READY_REFUSAL })
  async ready(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReadyAnswer | (ReadyAnswer & ReadyDetails)> {
    const isPrivileged = await this.privilegedAccess.has(request);
    const answer = this.report.answer();
    if (answer.status !== 'ready')
      response.status(HttpStatus.SERVICE_UNAVAILABLE).setHeader('Retry-After', RETRY_AFTER_S);
    return isPrivileged ? { ...answer, ...this.report.details() } : answer;
  }
}
