import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { type CredentialSummary, ForRole, type IssuedCredential } from '../auth/index.js';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  FailsWith,
  type Page,
} from '../core/index.js';
import { CredentialPageDto, IssueCredentialDto, IssuedCredentialDto } from './credential.dto.js';
import { VehicleCredentialsService } from './vehicle-credentials.service.js';

@ApiTags('vehicles')
@ForRole('admin')
@Controller('api/v1/vehicles/:id/credentials')
export class VehicleCredentialsController {
  constructor(private readonly credentials: VehicleCredentialsService) {}

  @Post()
  @ApiOperation({
    operationId: 'issueCredential',
    summary: 'Create a device token for this vehicle; it is shown only in this answer',
  })
  @ApiCreatedResponse({ type: IssuedCredentialDto })
  @FailsWith('vehicles/not-found')
  issue(@Param('id') id: string, @Body() { label }: IssueCredentialDto): Promise<IssuedCredential> {
    return this.credentials.issue(id, label);
  }

  @Get()
  @ApiOperation({
    operationId: 'listCredentials',
    summary: 'List the device credentials of this vehicle, without their tokens',
  })
  @ApiOkResponse({ type: CredentialPageDto })
  @FailsWith('vehicles/not-found')
  list(@Param('id') id: string): Promise<Page<CredentialSummary>> {
    return this.credentials.list(id);
  }

  @Delete(':credentialId')
  @HttpCode(204)
  @ApiOperation({
    operationId: 'revokeCredential',
    summary: 'Revoke a device token at once; its sockets close',
  })
  @ApiNoContentResponse()
  @FailsWith('vehicles/not-found', 'credentials/not-found')
  revoke(@Param('id') id: string, @Param('credentialId') credentialId: string): Promise<void> {
    return this.credentials.revoke(id, credentialId);
  }
}
