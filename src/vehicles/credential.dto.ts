import { Length } from 'class-validator';
import type { CredentialSummary } from '../auth/index.js';
import { ApiProperty, ApiPropertyOptional, IsOptionalOrNull } from '../core/index.js';
import { IsPrintable } from './name.decorators.js';

export class IssueCredentialDto {
  @ApiPropertyOptional({ example: 'tablet, driver side', maxLength: 80 })
  @IsOptionalOrNull()
  @Length(1, 80)
  @IsPrintable()
  label?: string;
}

export class IssuedCredentialDto {
  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  id!: string;

  @ApiProperty({
    description: 'Shown only in this answer.',
    example: '66f0c0ffee0123456789abcd.h5vmBvfPQ1Zk0rTqk1v5yqZs6ZC0G5m0yq3F0N8b3cE',
  })
  token!: string;
}

class CredentialDto implements CredentialSummary {
  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  id!: string;

  @ApiProperty({ type: String, nullable: true, example: 'tablet, driver side' })
  label!: string | null;

  @ApiProperty({ type: Date })
  createdAt!: Date;

  @ApiProperty({ type: Date, nullable: true })
  revokedAt!: Date | null;
}

export class CredentialPageDto {
  @ApiProperty({ type: [CredentialDto] })
  items!: CredentialDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
