import { IsString, MaxLength } from 'class-validator';

export class AuthenticateDto {
  @MaxLength(2_048)
  @IsString()
  token!: string;
}
