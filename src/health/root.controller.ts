import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '../core/index.js';
import type { Request, Response } from 'express';
import { Public } from '../auth/index.js';
import { SETTINGS, type Settings } from '../config/index.js';

/** Clients of the old server expect this page title. */
const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>AOC-V.2 Tracking Server On</title></head>
<body><h1>AOC-V.2 Tracking Server On</h1><p><a href="/docs">API</a></p></body></html>
`;

@ApiTags('health')
@Public()
@Controller()
export class RootController {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  @Get()
  @ApiOperation({
    operationId: 'getRoot',
    summary: 'An HTML page, or `{name, version}` when the client accepts JSON',
  })
  @ApiOkResponse({
    content: {
      'application/json': { example: { name: 'samserver', version: '0.1.0' } },
      'text/html': { example: '<!doctype html>…' },
    },
  })
  root(@Req() request: Request, @Res() response: Response): void {
    if (request.accepts(['html', 'json']) === 'json') {
      response.json({ name: 'samserver', version: this.settings.release.version });
    } else {
      response.type('html').send(PAGE);
    }
  }
}
