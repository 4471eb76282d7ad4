import { Transform } from 'class-transformer';
import { IsIn, IsString, Length, Matches, MaxLength, ValidateIf } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, PRINTABLE, trimmed, PageDto } from '../../core/index.js';
import { IsNewPassword } from './passwords.js';
import { type Role, ROLES } from '../access/principal.js';
import type { UserView } from './user.js';
import type { UserInput } from './users.service.js';

const ADDRESS = /^[^\s@\p{Cc}\p{Cf}]+@[^\s@\p{Cc}\p{Cf}]+$/u;
/** Unlike `@IsOptional`, refuses null: to omit a field and to clear it are different requests. */
const IsOptionalNotNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

export class CreateUserDto implements UserInput {
  @ApiProperty({ example: 'leitstelle@example.org', maxLength: 254 })
  @Transform(trimmed)
  @Matches(ADDRESS, { message: 'email must be an e-mail address' })
  @MaxLength(254)
  @IsString()
  email!: string;

  @ApiProperty({ example: 'Leitstelle München', minLength: 1, maxLength: 80 })
  @Transform(trimmed)
  @Length(1, 80)
  @Matches(PRINTABLE, { message: 'name must not hold control characters' })
  @IsString()
  name!: string;

  @ApiProperty({ enum: ROLES, example: 'dispatcher' })
  @IsIn(ROLES)
  role!: Role;

  @ApiProperty({ example: 'a long pass phrase', description: '12 to 72 bytes.', minLength: 3, maxLength: 72 })
  @IsNewPassword()
  password!: string;
}

export class UpdateUserDto implements Partial<UserInput> {
  @ApiPropertyOptional({ example: 'leitstelle@example.org', maxLength: 254 })
  @IsOptionalNotNull()
  @Transform(trimmed)
  @Matches(ADDRESS, { message: 'email must be an e-mail address' })
  @MaxLength(254)
  @IsString()
  email?: string;

  @ApiPropertyOptional({ example: 'Leitstelle München', minLength: 1, maxLength: 80 })
  @IsOptionalNotNull()
  @Transform(trimmed)
  @Length(1, 80)
  @Matches(PRINTABLE, { message: 'name must not hold control characters' })
  @IsString()
  name?: string;

  @ApiPropertyOptional({ enum: ROLES, example: 'viewer', description: 'A new one ends the sessions.' })
  @IsOptionalNotNull()
  @IsIn(ROLES)
  role?: Role;

  @ApiPropertyOptional({
    example: 'a longer pass phrase',
    description: '12 to 72 bytes; ends the sessions.',
    minLength: 3,
    maxLength: 72,
  })
  @IsOptionalNotNull()
  @IsNewPassword()
  password?: string;
}

export class ListUsersDto extends PageDto {}

export class UserDto implements UserView {
  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  id!: string;

  @ApiProperty({ example: 'leitstelle@example.org' })
  email!: string;

  @ApiProperty({ example: 'Leitstelle München' })
  name!: string;

  @ApiProperty({ enum: ROLES, example: 'dispatcher' })
  role!: Role;

  @ApiProperty({ type: Date })
  createdAt!: Date;

  @ApiProperty({ type: Date })
  updatedAt!: Date;
}

/** The caller's own account. */
export class AccountDto extends UserDto {
  @ApiProperty({ description: 'The service runs the real operation: `ENVIRONMENT=LIVE`.', example: false })
  isLive!: boolean;
}

export class UserPageDto {
  @ApiProperty({ type: [UserDto] })
  items!: UserDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
