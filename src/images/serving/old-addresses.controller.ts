import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { AccessTokensService, bearerToken, Public, tokenMissing } from '../../auth/index.js';
import { PICTURE_CONTENT, RANGE_HEADER } from '../image.examples.js';
import { OldAddressesService } from './old-addresses.service.js';
import { sendPicture } from './send-picture.js';

@ApiTags('images')
@Controller('uploads/ambulance_images')
export class OldAddressesController {
  constructor(
    private readonly addresses: OldAddressesService,
    private readonly accessTokens: AccessTokensService,
  ) {}

  @Get('*path')
  @Public()
  @ApiOperation({ summary: 'A picture of the old server, under the address that it had there' })
  @ApiParam({ name: 'path', example: '291/2026/3/9/14_7/7_12_4711.jpg' })
  @ApiHeader(RANGE_HEADER)
  @ApiOkResponse({ content: PICTURE_CONTENT })
  @ApiResponse({ status: 206, description: 'The range asked for.', content: PICTURE_CONTENT })
  async send(@Req() request: Request, @Res() response: Response): Promise<void> {
    if (this.addresses.areTokensRequired) await this.assertUser(request);
    const answer = await this.addresses.open(request.originalUrl);
    // The operators' panels show these pictures in pages of other hosts.
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    await sendPicture(request, response, answer);
  }

  /** @throws auth/token-missing and what the token is refused with */
  private async assertUser(request: Request): Promise<void> {
    const token = bearerToken(request);
    if (token === null) throw tokenMissing();
    await this.accessTokens.verify(token);
  }
}
