import { Controller, Get, NotFoundException, Param, Res } from '@nestjs/common';
import type { Response } from 'express';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Public } from '../../auth/index.js';
import {
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  type ConstantAnswer,
  constantAnswer,
  FailsWith,
  sendConstant,
} from '../../core/index.js';

/** The build of the Socket.IO client for browsers; it works with Socket.IO 3 and 4. */
const DIRECTORY = join(
  dirname(createRequire(import.meta.url).resolve('socket.io/package.json')),
  'client-dist',
);
const SCRIPTS = ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js', 'socket.io.msgpack.min.js'];
const FILES = new Set(SCRIPTS.flatMap((script) => [script, `${script}.map`]));

/** The Socket.IO client, which pages of the old server's panels can load from it. On both ports. */
@ApiTags('legacy')
@Public()
@Controller('socket.io')
export class SocketClientFilesController {
  private readonly answers = new Map<string, ConstantAnswer>();

  @Get(':file')
  @ApiOperation({
    operationId: 'getSocketClientFile',
    summary: 'The Socket.IO client for browsers, and its source maps',
  })
  @FailsWith('http/not-found')
  @ApiParam({ name: 'file', example: 'socket.io.js', enum: [...FILES] })
  @ApiOkResponse({ content: { 'application/javascript': { example: '/*! Socket.IO … */' } } })
  async send(@Param('file') file: string, @Res() response: Response): Promise<void> {
    if (!FILES.has(file)) throw new NotFoundException('There is no such file.');
    // As on the old server: browsers revalidate every time and get 304.
    response.setHeader('Cache-Control', 'public, max-age=0');
    // The panels are pages of other hosts.
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    sendConstant(response, await this.read(file));
  }

  private async read(file: string): Promise<ConstantAnswer> {
    const known = this.answers.get(file);
    if (known) return known;
    const type = file.endsWith('.map') ? 'application/json' : 'application/javascript';
    const answer = constantAnswer(`${type}; charset=utf-8`, await readFile(join(DIRECTORY, file)));
    this.answers.set(file, answer);
    return answer;
  }
}
