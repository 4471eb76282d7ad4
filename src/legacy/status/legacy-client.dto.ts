import { ApiProperty } from '@nestjs/swagger';
import {
  LEGACY_CLIENT_KINDS,
  type LegacyClient,
  type LegacyClientKind,
  type LegacyTransport,
} from './legacy-client.js';

export class LegacyClientDto implements LegacyClient {
  @ApiProperty({ enum: LEGACY_CLIENT_KINDS, example: 'box' })
  kind!: LegacyClientKind;

  @ApiProperty({ description: 'The code of a box; the address of a panel.', example: '291' })
  name!: string;

  @ApiProperty({ enum: ['http', 'socket_port', 'polling', 'websocket'], example: 'http' })
  way!: LegacyTransport;

  @ApiProperty({
    description: 'Of a box: json, urlencoded, multipart, none; of a panel: its program.',
    example: 'json',
  })
  dialect!: string;

  @ApiProperty()
  firstSeenAt!: Date;

  @ApiProperty()
  lastSeenAt!: Date;

  @ApiProperty({ type: 'integer', description: 'Posts, or connections.', example: 4711 })
  count!: number;
}

export class LegacyClientPageDto {
  @ApiProperty({ type: [LegacyClientDto] })
  items!: LegacyClientDto[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Always null: all of them come at once.',
    example: null,
  })
  nextCursor!: null;
}
