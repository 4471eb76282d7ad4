import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '../../core/index.js';
import { Public } from '../../auth/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';

/** Serves the AsyncAPI document: OpenAPI cannot describe socket events. The first request loads what builds it. */
@ApiTags('documents')
@Public()
@Controller('docs')
export class AsyncApiController {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  /** RFC 9512. */
  @Get('asyncapi.yaml')
  @Header('Content-Type', 'application/yaml; charset=utf-8')
  @ApiOperation({
    operationId: 'getAsyncApiDocument',
    summary: 'Get both socket namespaces as an AsyncAPI 3 document',
  })
  @ApiOkResponse({ content: { 'application/yaml': { example: 'asyncapi: 3.0.0\ninfo:\n  title: …\n' } } })
  async document(): Promise<string> {
    const [{ stringify }, { buildAsyncApiDocument }] = await Promise.all([
      import('yaml'),
      import('./asyncapi-document.js'),
    ]);
    // Without YAML anchors: not every tool reads them.
    return stringify(buildAsyncApiDocument(this.settings.release.version), { aliasDuplicateObjects: false });
  }
}
