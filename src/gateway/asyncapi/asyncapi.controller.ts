import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { stringify } from 'yaml';
import { Public } from '../../auth/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { buildAsyncApiDocument } from './asyncapi-document.js';

/** Beside the OpenAPI pages; what goes over sockets does not fit into them. */
@ApiTags('documents')
@Public()
@Controller('docs')
export class AsyncApiController {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  /** RFC 9512. */
  @Get('asyncapi.yaml')
  @Header('Content-Type', 'application/yaml; charset=utf-8')
  @ApiOperation({ summary: 'Both socket namespaces as an AsyncAPI 3 document' })
  @ApiOkResponse({ content: { 'application/yaml': { example: 'asyncapi: 3.0.0\ninfo:\n  title: …\n' } } })
  document(): string {
    // Repeated parts are written out: not every reader of the document follows YAML's anchors.
    return stringify(buildAsyncApiDocument(this.settings.release.version), { aliasDuplicateObjects: false });
  }
}
