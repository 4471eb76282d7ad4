import { Controller, Get, Header, HttpStatus, Inject, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../auth/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { InstanceService, type InstanceState } from '../release/index.js';

export interface HealthAnswer {
  readonly status: 'ok';
  readonly state: InstanceState;
  readonly uptimeS: number;
  readonly release: { readonly version: string; readonly color: string | null };
}

export interface ReadyAnswer {
  readonly status: 'ready' | 'not_ready';
  readonly state: InstanceState;
  readonly reasons: readonly string[];
}

const RETRY_AFTER_S = 2;

@ApiTags('health')
@Public()
@Controller()
export class HealthController {
  constructor(
    private readonly instance: InstanceService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** In-process only: a database's outage must not restart every instance. */
  @Get('health')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Liveness: restart me?' })
  @ApiOkResponse({
    description: 'The process is alive, whatever its state.',
    example: { status: 'ok', state: 'ready', uptimeS: 4711, release: { version: '0.1.0', color: 'green' } },
  })
  health(): HealthAnswer {
    const { version, color } = this.settings.release;
    return {
      status: 'ok',
      state: this.instance.state,
      uptimeS: Math.floor(process.uptime()),
      release: { version, color },
    };
  }

  @Get('ready')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Readiness: send me traffic?' })
  @ApiOkResponse({ description: 'Send traffic.', example: { status: 'ready', state: 'ready', reasons: [] } })
  @ApiServiceUnavailableResponse({
    description: 'Send none; `reasons` says why.',
    example: { status: 'not_ready', state: 'not_ready', reasons: ['mongo'] },
  })
  ready(@Res({ passthrough: true }) response: Response): ReadyAnswer {
    const { state, reasons } = this.instance;
    if (state === 'ready') return { status: 'ready', state, reasons };
    response.status(HttpStatus.SERVICE_UNAVAILABLE).setHeader('Retry-After', RETRY_AFTER_S);
    return { status: 'not_ready', state, reasons };
  }
}
