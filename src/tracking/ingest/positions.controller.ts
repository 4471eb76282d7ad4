import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import {
  Caller,
  DeviceCredentialsService,
  type DevicePrincipal,
  ForDevice,
  OpsTokens,
} from '../../auth/index.js';
import {
  ApiBody,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  DUPLICATE_TEXT,
  FailsWith,
  LeanRoutes,
  MaxBodyBytes,
  type PositionInput,
  type ReportAnswer,
} from '../../core/index.js';
import { DeviceRate } from './device-rate.js';
import { PositionsService } from './positions.service.js';
import { ReportAnswerDto, ReportDto } from './report.dto.js';

/** Fits 500 positions with attributes of full size. */
const MAX_REPORT_BYTES = 2_000_000;

const REPORT_EXAMPLE: { readonly positions: readonly PositionInput[] } = {
  positions: [
    {
      lat: 48.137154,
      lon: 11.576124,
      time: '2026-11-23T14:50:00.000Z',
      speedMps: 13.9,
      headingDeg: 87,
      accuracyM: 4,
    },
    { lat: 48.137201, lon: 11.576809, time: '2026-11-23T14:50:04.000Z' },
  ],
};

const REPORT_ANSWER_EXAMPLE: ReportAnswer = {
  results: [
    { index: 0, verdict: 'stored' },
    { index: 1, verdict: 'duplicate', text: DUPLICATE_TEXT },
  ],
  stored: 1,
  duplicate: 1,
  quarantined: 0,
  rejected: 0,
};

const PATH = 'api/v1/positions';

@ApiTags('positions')
@Controller(PATH)
export class PositionsController {
  constructor(
    private readonly positions: PositionsService,
    private readonly rate: DeviceRate,
    credentials: DeviceCredentialsService,
    opsTokens: OpsTokens,
    leanRoutes: LeanRoutes,
  ) {
    leanRoutes.add<DevicePrincipal>({
      method: 'POST',
      path: `/${PATH}`,
      maxBytes: MAX_REPORT_BYTES,
      access: {
        isToken: opsTokens.excludeFrom((token) => DeviceCredentialsService.isDeviceToken(token)),
        authenticate: (token) => credentials.verify(token),
      },
      handle: async (body, device) => {
        const { positions: reported } = body as { readonly positions?: unknown };
        return { body: await this.report(device, reported) };
      },
    });
  }

  @Post()
  @ForDevice()
  @MaxBodyBytes(MAX_REPORT_BYTES)
  @HttpCode(200)
  @ApiOperation({
    operationId: 'reportPositions',
    summary: 'Report 1–500 positions of the vehicle of the token. The answer follows when they are durable',
  })
  @ApiBody({ type: ReportDto, examples: { report: { value: REPORT_EXAMPLE } } })
  @ApiOkResponse({ type: ReportAnswerDto, example: REPORT_ANSWER_EXAMPLE })
  @FailsWith('positions/overloaded', 'positions/too-many')
  report(@Caller() device: DevicePrincipal, @Body('positions') positions: unknown): Promise<ReportAnswer> {
    this.rate.countRequest(device.credentialId);
    return this.positions.report(device.vehicleId, positions, 'http');
  }
}
