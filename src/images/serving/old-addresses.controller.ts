import { Controller, Get, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AccessTokensService, bearerToken, Public, tokenMissing } from '../../auth/index.js';
import {
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiTags,
  FailsWith,
} from '../../core/index.js';
import { IMAGE_CONTENT, RANGE_HEADER } from '../image.dto.js';
import { OldAddressesService } from './old-addresses.service.js';
import { sendImage } from './send-image.js';

@ApiTags('images')
@Controller('uploads/ambulance_images')
export class OldAddressesController {
  constructor(
    private readonly addresses: OldAddressesService,
    private readonly accessTokens: AccessTokensService,
  ) {}

  @Get('*path')
  @Public()
  @ApiOperation({ operationId: 'getOldImage', summary: 'An image of the old server, by its address there' })
  @ApiParam({ name: 'path', example: '291/2026/3/9/14_7/7_12_4711.jpg' })
  @ApiHeader(RANGE_HEADER)
  @ApiOkResponse({ content: IMAGE_CONTENT })
  @ApiResponse({ status: 206, description: 'The requested range.', content: IMAGE_CONTENT })
  @FailsWith(
    'images/not-found',
    'images/volume-unavailable',
    'http/range-not-satisfiable',
    'auth/token-missing',
    'auth/token-invalid',
    'auth/token-expired',
    'auth/session-revoked',
  )
  async send(@Req() request: Request, @Res() response: Response): Promise<void> {
    if (this.addresses.areTokensRequired) await this.assertUser(request);
    const image = await this.addresses.open(request.originalUrl);
    // The operators' panels embed these images in pages of other hosts.
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    await sendImage(request, response, image);
  }

  /** @throws auth/token-missing and the errors of `AccessTokensService.verify` */
  private async assertUser(request: Request): Promise<void> {
    const token = bearerToken(request);
    if (token === null) throw tokenMissing();
    await this.accessTokens.verify(token);
  }
}
