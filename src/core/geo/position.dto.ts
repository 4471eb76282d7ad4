import { ApiProperty, ApiPropertyOptional } from '../http/api.decorators.js';
import type { PositionInput, PositionView } from './position.js';

/** One position as a device sends it, for the OpenAPI document; `parsePosition` reads it. */
export class PositionInputDto implements PositionInput {
  @ApiProperty({ minimum: -90, maximum: 90, example: 48.137 })
  lat!: number;

  @ApiProperty({ minimum: -180, maximum: 180, example: 11.575 })
  lon!: number;

  @ApiProperty({ format: 'date-time', example: '2026-11-01T10:00:00.000Z' })
  time!: string;

  @ApiPropertyOptional({ description: 'Metres per second.', minimum: 0, maximum: 1000, example: 13.9 })
  speedMps?: number;

  @ApiPropertyOptional({
    description: 'Degrees clockwise from north.',
    minimum: 0,
    maximum: 360,
    example: 87,
  })
  headingDeg?: number;

  @ApiPropertyOptional({
    description: 'Radius, metres. Negative only in the quarantine: the device called the place invalid.',
    example: 5,
  })
  accuracyM?: number;

  @ApiPropertyOptional({ description: 'Metres.', minimum: -1000, maximum: 100_000, example: 519 })
  altitudeM?: number;

  @ApiPropertyOptional({ minimum: 0, maximum: 100, example: 83 })
  batteryPct?: number;

  @ApiPropertyOptional({ example: true })
  ignition?: boolean;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'Other values that the device sent.',
    example: { satellites: 9 },
  })
  attributes?: Record<string, unknown>;
}

/** A position as JSON, for the OpenAPI document. */
export class PositionDto extends PositionInputDto implements PositionView {
  @ApiProperty({ format: 'date-time', example: '2026-11-01T10:00:00.412Z' })
  receivedAt!: string;

  @ApiPropertyOptional({
    enum: ['behind'],
    description:
      'The vehicle reports, but without newer fix times: this is not its present place. Only in live positions.',
  })
  clock?: 'behind';
}
