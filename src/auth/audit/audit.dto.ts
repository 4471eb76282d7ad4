import { Transform } from 'class-transformer';
import { IsOptional, IsString, Length, Matches } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, PageDto } from '../../core/index.js';
import { AUDIT_ACTIONS, type AuditAction, type AuditActor, type AuditEntry } from './audit-entry.js';
import type { AuditTarget } from './audit-entry.js';
import { emailKey } from '../users/user.js';

const ID_OR_ADDRESS = /^([0-9a-f]{24}|[^\s@]+@[^\s@]+)$/;
const asKey = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? emailKey(value) : value;

export class ListAuditDto extends PageDto {
  @ApiPropertyOptional({
    description: 'Actor: id or e-mail address.',
    maxLength: 254,
  })
  @IsOptional()
  @Transform(asKey)
  @Length(1, 254)
  @Matches(ID_OR_ADDRESS, { message: 'actor must be an id of 24 hexadecimal digits or an e-mail address' })
  @IsString()
  actor?: string;

  @ApiPropertyOptional({
    description: 'Target: id of a user, session, credential or picture, or e-mail address.',
    maxLength: 254,
  })
  @IsOptional()
  @Transform(asKey)
  @Length(1, 254)
  @Matches(ID_OR_ADDRESS, { message: 'target must be an id of 24 hexadecimal digits or an e-mail address' })
  @IsString()
  target?: string;
}

class AuditActorDto implements AuditActor {
  @ApiProperty({ enum: ['user', 'device', 'operator', 'anonymous', 'service'] })
  kind!: AuditActor['kind'];

  @ApiProperty({ type: String, nullable: true, example: '66f0c0ffee0123456789abcd' })
  id!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'admin@example.org' })
  email!: string | null;
}

class AuditTargetDto implements AuditTarget {
  @ApiProperty({ enum: ['user', 'session', 'credential', 'image', 'instance'] })
  kind!: AuditTarget['kind'];

  @ApiProperty({ type: String, nullable: true, example: '66f0c0ffee0123456789abce' })
  id!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'leitstelle@example.org' })
  email!: string | null;
}

class AuditEntryDto implements AuditEntry {
  @ApiProperty({ example: '0199f3b0c1d20000a1b2c3d4' })
  id!: string;

  @ApiProperty({ type: Date })
  at!: Date;

  @ApiProperty({ enum: AUDIT_ACTIONS, example: 'user.role-changed' })
  action!: AuditAction;

  @ApiProperty({ type: AuditActorDto })
  actor!: AuditActor;

  @ApiProperty({ type: AuditTargetDto })
  target!: AuditTarget;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { from: 'viewer', to: 'dispatcher' },
  })
  details!: Readonly<Record<string, string>>;

  @ApiProperty({ type: String, nullable: true })
  requestId!: string | null;

  @ApiProperty({ type: String, nullable: true, example: '192.0.2.7' })
  ip!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Error code of an action that was not done.' })
  failure!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Id of the entry that this one cancels.' })
  failedId!: string | null;
}

export class AuditPageDto {
  @ApiProperty({ type: [AuditEntryDto] })
  items!: AuditEntryDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
