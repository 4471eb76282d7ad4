import { ApiPropertyOptional } from './api.decorators.js';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

/** The query of every list. */
export class PageDto {
  @ApiPropertyOptional({ minimum: 1, maximum: 500, default: 100 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  limit: number = 100;

  @ApiPropertyOptional({ description: '`nextCursor` of the previous page.', maxLength: 200 })
  @IsOptional()
  @MaxLength(200)
  @IsString()
  cursor?: string;
}
