import {
  ApiProperty,
  ApiPropertyOptional,
  PositionInputDto,
  type PositionResult,
  type ReportAnswer,
  type Verdict,
  VERDICTS,
} from '../../core/index.js';

export class ReportDto {
  @ApiProperty({ type: [PositionInputDto], minItems: 1, maxItems: 500 })
  positions!: PositionInputDto[];
}

export class PositionResultDto implements PositionResult {
  @ApiProperty({ type: 'integer', minimum: 0, description: 'Index in the report.' })
  index!: number;

  @ApiProperty({ enum: VERDICTS, description: 'docs/positions.md describes the verdicts.' })
  verdict!: Verdict;

  @ApiPropertyOptional({ description: 'The reason; present for `quarantined` and `rejected`.' })
  code?: string;

  @ApiPropertyOptional({ description: 'The reason in words; absent for `stored`.' })
  text?: string;

  @ApiPropertyOptional({
    enum: [true],
    type: Boolean,
    description: 'Stored, and older than the newest known position of the vehicle.',
  })
  late?: true;

  @ApiPropertyOptional({
    type: [String],
    description: 'Optional fields that were out of range and are not kept.',
  })
  dropped?: string[];
}

export class ReportAnswerDto implements ReportAnswer {
  @ApiProperty({ type: [PositionResultDto] })
  results!: PositionResultDto[];

  @ApiProperty({ type: 'integer' })
  stored!: number;

  @ApiProperty({ type: 'integer' })
  duplicate!: number;

  @ApiProperty({ type: 'integer' })
  quarantined!: number;

  @ApiProperty({ type: 'integer' })
  rejected!: number;
}
