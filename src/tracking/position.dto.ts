import { IsOptional, IsString, MaxLength } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, PositionDto } from '../core/index.js';

export class LivePositionsDto {
  @ApiPropertyOptional({
    description:
      'west,south,east,north in degrees; west above east crosses the antimeridian, as in 11.3,48.0,11.8,48.3. Default: everywhere.',
    maxLength: 120,
  })
  @IsOptional()
  @MaxLength(120)
  @IsString()
  bbox?: string;
}

export class LivePositionDto {
  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  vehicleId!: string;

  @ApiProperty({ type: PositionDto })
  position!: PositionDto;
}

export class LivePositionListDto {
  @ApiProperty({ type: [LivePositionDto] })
  items!: LivePositionDto[];

  @ApiProperty({ type: String, nullable: true, description: 'Always null: the list is one snapshot.' })
  nextCursor!: null;
}
