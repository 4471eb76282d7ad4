import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import type { Response } from 'express';
import {
  AccessTokensService,
  Caller,
  ForRole,
  OpsTokens,
  type Principal,
  userAccess,
} from '../auth/index.js';
import {
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  FailsWith,
  type LeanQuery,
  LeanRoutes,
  pageRequest,
} from '../core/index.js';
import { actorOf, UNIT_STATUSES, type UnitStatus } from './status-change.js';
import { VehicleArchivalService } from './vehicle-archival.service.js';
import {
  AlterVehicleDto,
  CreateVehicleDto,
  ListVehiclesDto,
  VehicleDto,
  VehiclePageDto,
} from './vehicle.dto.js';
import { VEHICLE_TYPES, type VehicleType, type VehicleView } from './vehicle.js';
import { type VehicleWithEtag, VehiclesService } from './vehicles.service.js';

const ETAG = { headers: { ETag: { description: 'For If-Match.', schema: { type: 'string' as const } } } };
const IF_MATCH = {
  name: 'If-Match',
  required: false,
  description:
    'ETag of the version to change, as it was received: a proxy that compresses writes `W/` before it.',
};

const PATH = 'api/v1/vehicles';
/** Plain spellings of what `ListVehiclesDto` accepts. */
const QUERY = {
  limit: /^(?:[1-9]\d?|[1-4]\d\d|500)$/,
  cursor: /^[\w-]{32}$/,
  status: new RegExp(`^(?:${UNIT_STATUSES.join('|')})$`),
  type: new RegExp(`^(?:${VEHICLE_TYPES.join('|')})$`),
  q: /^[\w-]{1,40}$/,
};

@ApiTags('vehicles')
@Controller(PATH)
export class VehiclesController {
  constructor(
    private readonly vehicles: VehiclesService,
    private readonly vehicleArchival: VehicleArchivalService,
    accessTokens: AccessTokensService,
    opsTokens: OpsTokens,
    leanRoutes: LeanRoutes,
  ) {
    const access = userAccess(accessTokens, opsTokens);
    leanRoutes.add({
      method: 'GET',
      path: `/${PATH}`,
      query: QUERY,
      access,
      handle: async (query) => ({ body: await this.list(listQuery(query as LeanQuery)) }),
    });
    leanRoutes.add({
      method: 'GET',
      path: `/${PATH}/:id`,
      access,
      handle: async (id) => {
        const { view, tag } = await vehicles.get(id as string);
        return { headers: ['ETag', tag], body: view };
      },
    });
  }

  @Post()
  @ForRole('dispatcher')
  @ApiOperation({ operationId: 'createVehicle', summary: 'Register a vehicle' })
  @ApiCreatedResponse({ type: VehicleDto, ...ETAG })
  @FailsWith('vehicles/call-sign-taken', 'vehicles/registration-taken', 'vehicles/box-code-taken')
  async create(
    @Body() input: CreateVehicleDto,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<VehicleView> {
    const created = await this.vehicles.create(input, actorOf(caller));
    response.location(`/api/v1/vehicles/${created.view.id}`);
    return answer(created, response);
  }

  @Get()
  @ForRole('viewer')
  @ApiOperation({
    operationId: 'listVehicles',
    summary: 'List vehicles in service, in the order of registration',
  })
  @ApiOkResponse({ type: VehiclePageDto })
  @Header('Content-Type', 'application/json; charset=utf-8')
  list(@Query() { limit, cursor, q, status, type }: ListVehiclesDto): Promise<string> {
    return this.vehicles.list(pageRequest(limit, cursor), { status, type, prefix: q });
  }

  @Get(':id')
  @ForRole('viewer')
  @ApiOperation({ operationId: 'getVehicle', summary: 'Get a vehicle with its last position' })
  @ApiOkResponse({ type: VehicleDto, ...ETAG })
  @FailsWith('vehicles/not-found')
  async get(@Param('id') id: string, @Res({ passthrough: true }) response: Response): Promise<VehicleView> {
    return answer(await this.vehicles.get(id), response);
  }

  @Patch(':id')
  @ForRole('dispatcher')
  @ApiOperation({ operationId: 'updateVehicle', summary: 'Change a vehicle or its status' })
  @ApiHeader(IF_MATCH)
  @ApiOkResponse({ type: VehicleDto, ...ETAG })
  @FailsWith(
    'vehicles/not-found',
    'vehicles/call-sign-taken',
    'vehicles/registration-taken',
    'vehicles/box-code-taken',
    'vehicles/version-mismatch',
    'vehicles/busy',
  )
  async alter(
    @Param('id') id: string,
    @Body() input: AlterVehicleDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<VehicleView> {
    return answer(await this.vehicles.alter(id, input, actorOf(caller), ifMatch), response);
  }

  @Delete(':id')
  @ForRole('dispatcher')
  @HttpCode(204)
  @ApiOperation({
    operationId: 'archiveVehicle',
    summary: 'Archive a vehicle: revokes its tokens, frees its names, keeps its history',
  })
  @ApiHeader(IF_MATCH)
  @ApiNoContentResponse()
  @FailsWith('vehicles/not-found', 'vehicles/version-mismatch', 'vehicles/busy')
  archive(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined): Promise<void> {
    return this.vehicleArchival.archive(id, ifMatch);
  }
}

function answer({ view, tag }: VehicleWithEtag, response: Response): VehicleView {
  response.setHeader('ETag', tag);
  return view;
}

function listQuery({ limit, cursor, status, type, q }: LeanQuery): ListVehiclesDto {
  return {
    limit: limit === undefined ? new ListVehiclesDto().limit : Number(limit),
    cursor,
    status: status as UnitStatus | undefined,
    type: type as VehicleType | undefined,
    q,
  };
}
