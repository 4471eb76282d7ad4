import { IsIn, IsInt, IsString, MaxLength, Min } from 'class-validator';
import { LEGACY_ROLES, type LegacyRole } from '../../config/index.js';
import { ApiProperty, ApiPropertyOptional, IsOptionalOrNull } from '../../core/index.js';

/** Unknown fields are rejected. */
export class ChangeLegacyRoleDto {
  @ApiProperty({
    enum: LEGACY_ROLES,
    description: 'Who writes the shared collections and notifies the panel from now on.',
    example: 'samserver',
  })
  @IsIn(LEGACY_ROLES)
  role!: LegacyRole;

  @ApiPropertyOptional({
    description:
      'The epoch on which the decision is based; 0 before the first change. Another one in storage gives 409.',
    minimum: 0,
    example: 1,
  })
  @IsOptionalOrNull()
  @Min(0)
  @IsInt()
  epoch?: number;

  @ApiPropertyOptional({
    description: 'A person or a tool, for the history.',
    maxLength: 100,
    example: 'shift',
  })
  @IsOptionalOrNull()
  @MaxLength(100)
  @IsString()
  by?: string;

  @ApiPropertyOptional({ maxLength: 200, example: 'the old server has ended' })
  @IsOptionalOrNull()
  @MaxLength(200)
  @IsString()
  why?: string;
}

class RoleChangeDto {
  @ApiProperty({ type: 'integer', example: 2 })
  epoch!: number;

  @ApiProperty({ enum: LEGACY_ROLES, example: 'samserver' })
  role!: LegacyRole;

  @ApiProperty()
  at!: Date;

  @ApiProperty({ example: 'shift' })
  by!: string;

  @ApiProperty({ example: 'the old server has ended' })
  why!: string;
}

export class LegacyRolesDto {
  @ApiProperty({ enum: LEGACY_ROLES, example: 'samserver' })
  role!: LegacyRole;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description:
      'The epoch that records carry which arrive now; null without a move, 0 with LEGACY_ROLES=old.',
    example: 2,
  })
  epoch!: number | null;

  @ApiProperty({
    description: 'false: LEGACY_ROLES applies, because the role was never changed.',
    example: true,
  })
  isStored!: boolean;

  @ApiProperty({ type: [RoleChangeDto], description: 'Oldest first, the last 500 changes.' })
  history!: readonly RoleChangeDto[];
}
