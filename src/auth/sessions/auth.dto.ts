import { ApiProperty } from '../../core/index.js';
import { IsString, Length, MaxLength } from 'class-validator';
import { IsNewPassword, MAX_LOGIN_PASSWORD_LENGTH } from '../users/passwords.js';
import type { TokenPair } from './token-pairs.service.js';

export class LoginDto {
  @ApiProperty({ example: 'admin@samserver.local', maxLength: 254 })
  @MaxLength(254)
  @IsString()
  email!: string;

  @ApiProperty({ example: 'a long pass phrase', minLength: 1, maxLength: MAX_LOGIN_PASSWORD_LENGTH })
  @Length(1, MAX_LOGIN_PASSWORD_LENGTH)
  @IsString()
  password!: string;
}

export class RefreshDto {
  @ApiProperty({
    example: '66f0c0ffee0123456789abcd.1.h5vmBvfPQ1Zk0rTqk1v5yqZs6ZC0G5m0yq3F0N8b3cE',
    maxLength: 128,
  })
  @MaxLength(128)
  @IsString()
  refreshToken!: string;
}

export class ChangePasswordDto {
  @ApiProperty({ example: 'a long pass phrase', minLength: 1, maxLength: MAX_LOGIN_PASSWORD_LENGTH })
  @Length(1, MAX_LOGIN_PASSWORD_LENGTH)
  @IsString()
  currentPassword!: string;

  @ApiProperty({
    example: 'a longer pass phrase',
    description: '12 to 72 bytes.',
    minLength: 3,
    maxLength: 72,
  })
  @IsNewPassword()
  newPassword!: string;
}

export class TokenPairDto implements TokenPair {
  @ApiProperty({
    description: 'A JWT for Authorization: Bearer and for the /live handshake.',
    example: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI2NmYwIn0.c2lnbmF0dXJl',
  })
  accessToken!: string;

  @ApiProperty({
    description: 'Good for one refresh.',
    example: '66f0c0ffee0123456789abcd.1.h5vmBvfPQ1Zk0rTqk1v5yqZs6ZC0G5m0yq3F0N8b3cE',
  })
  refreshToken!: string;

  @ApiProperty({ enum: ['Bearer'] })
  tokenType!: 'Bearer';

  @ApiProperty({ description: 'Seconds until the access token ends.', example: 900 })
  expiresIn!: number;
}
