import { Transform } from 'class-transformer';
import { IsMongoId, IsOptional } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, lowerCased } from '../core/index.js';

const INSTANCE_ID = '0d6f7c0e-7f5b-4a43-9d6e-0f0f5a3f8a11';

/** Open sockets of one instance. */
export class SocketCountsDto {
  @ApiProperty({ example: 214 })
  devices!: number;

  @ApiProperty({ example: 12 })
  users!: number;

  /** Panels of the old server. */
  @ApiProperty({ example: 3 })
  panels!: number;
}

export class InstanceDto {
  @ApiProperty({ example: INSTANCE_ID })
  id!: string;

  @ApiProperty({ type: String, nullable: true, example: 'green' })
  color!: string | null;

  @ApiProperty({ example: '2.1.0' })
  version!: string;

  /** State at its last heartbeat, up to 7 s ago. */
  @ApiProperty({ example: 'ready' })
  state!: string;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-11-24T02:59:58.000Z' })
  startedAt!: Date;

  /** Its events arrive at the instance that answers. */
  @ApiProperty({ example: true })
  heard!: boolean;

  /** null: not known, because Redis is not configured or does not answer, or because the instance has ended. */
  @ApiProperty({ type: SocketCountsDto, nullable: true })
  sockets!: SocketCountsDto | null;
}

export class InstancesDto {
  /** The instances with a heartbeat of the last 20 s, the one that answers first. */
  @ApiProperty({ type: [InstanceDto] })
  items!: InstanceDto[];

  /** False while the heartbeats cannot be read. */
  @ApiProperty({ example: true })
  complete!: boolean;
}

export class ConnectionsQueryDto {
  @ApiPropertyOptional({
    description: 'Connections of the devices of this vehicle. Give it, `userId`, or both.',
  })
  @IsOptional()
  @Transform(lowerCased)
  @IsMongoId({ message: 'vehicleId must be the id of a vehicle: 24 hexadecimal digits' })
  vehicleId?: string;

  @ApiPropertyOptional({ description: 'Connections of this user.' })
  @IsOptional()
  @Transform(lowerCased)
  @IsMongoId({ message: 'userId must be the id of a user: 24 hexadecimal digits' })
  userId?: string;
}

export class ConnectionDto {
  @ApiProperty({ enum: ['device', 'user'], example: 'device' })
  kind!: 'device' | 'user';

  /** With kind `device`. */
  @ApiPropertyOptional({ example: '66f0c0ffee0123456789abcd' })
  vehicleId?: string;

  /** With kind `device`. */
  @ApiPropertyOptional({ example: '66f0c0ffee0123456789abce' })
  credentialId?: string;

  /** With kind `user`. */
  @ApiPropertyOptional({ example: '66f0c0ffee0123456789abcf' })
  userId?: string;

  /** With kind `user`. */
  @ApiPropertyOptional({ example: '66f0c0ffee0123456789abd0' })
  sessionId?: string;

  /** Id of the instance that has the socket. */
  @ApiProperty({ example: INSTANCE_ID })
  instance!: string;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-11-24T03:00:00.000Z' })
  connectedAt!: Date;
}

export class ConnectionsDto {
  /** Oldest first, at most 500. */
  @ApiProperty({ type: [ConnectionDto] })
  items!: ConnectionDto[];

  /** False when the sockets of an instance are not known, or when there are more than 500. */
  @ApiProperty({ example: true })
  complete!: boolean;
}
