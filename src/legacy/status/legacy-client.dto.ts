import { ApiProperty } from '../../core/index.js';
import {
  LEGACY_CLIENT_KINDS,
  type LegacyClient,
  type LegacyClientKind,
  type LegacyTransport,
} from './legacy-client.schema.js';
import type { UnknownBox } from './unknown-boxes.js';

class LegacyClientDto implements LegacyClient {
  @ApiProperty({ enum: LEGACY_CLIENT_KINDS, example: 'box' })
  kind!: LegacyClientKind;

  @ApiProperty({ description: 'The code of a box, or the IP address of a panel.', example: '291' })
  name!: string;

  @ApiProperty({ enum: ['http', 'socket_port', 'polling', 'websocket'], example: 'http' })
  way!: LegacyTransport;

  @ApiProperty({
    description: 'Of a box the body format: json, urlencoded, multipart, none. Of a panel its user agent.',
    example: 'json',
  })
  dialect!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'IP address of the last request, of the client and not of a proxy in TRUST_PROXY; null in records of an earlier release.',
    example: '203.0.113.7',
  })
  lastAddress!: string | null;

  @ApiProperty()
  firstSeenAt!: Date;

  @ApiProperty()
  lastSeenAt!: Date;

  @ApiProperty({ type: 'integer', description: 'Requests of a box, connections of a panel.', example: 4711 })
  count!: number;
}

export class LegacyClientPageDto {
  @ApiProperty({ type: [LegacyClientDto] })
  items!: LegacyClientDto[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Always null: the list has one page.',
    example: null,
  })
  nextCursor!: null;
}

class UnknownBoxDto implements UnknownBox {
  @ApiProperty({ description: '`(none)`: the request has no usable code.', example: '291' })
  code!: string;

  @ApiProperty({ type: 'integer', description: 'Requests to this instance since its start.', example: 12 })
  count!: number;

  @ApiProperty()
  firstSeenAt!: Date;

  @ApiProperty()
  lastSeenAt!: Date;

  @ApiProperty({ example: '203.0.113.7' })
  lastAddress!: string;
}

export class UnknownBoxPageDto {
  @ApiProperty({ type: [UnknownBoxDto] })
  items!: UnknownBoxDto[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Always null: the list has at most 200 items.',
    example: null,
  })
  nextCursor!: null;
}
