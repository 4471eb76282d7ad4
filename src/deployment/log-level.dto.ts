import { IsIn, IsInt, Max, Min } from 'class-validator';
import {
  ApiProperty,
  ApiPropertyOptional,
  DEFAULT_LEVEL_S,
  type LevelChange,
  LOG_LEVELS,
  type LogLevelName,
  IsOptionalOrNull,
} from '../core/index.js';

const MAX_LEVEL_S = 86_400;

export class ChangeLogLevelDto {
  @ApiProperty({ enum: LOG_LEVELS, example: 'debug' })
  @IsIn(LOG_LEVELS)
  level!: LogLevelName;

  @ApiPropertyOptional({
    description: 'Seconds until the level of LOG_LEVEL returns; 0: at the next start.',
    minimum: 0,
    maximum: MAX_LEVEL_S,
    default: DEFAULT_LEVEL_S,
    example: DEFAULT_LEVEL_S,
  })
  @IsOptionalOrNull()
  @Max(MAX_LEVEL_S)
  @Min(0)
  @IsInt()
  forS?: number;
}

export class LevelChangeDto implements LevelChange {
  @ApiProperty({ enum: LOG_LEVELS, example: 'debug' })
  level!: LogLevelName;

  @ApiProperty({
    type: Date,
    nullable: true,
    description: 'Time at which the level of LOG_LEVEL returns; null: at the next start.',
  })
  until!: Date | null;
}
