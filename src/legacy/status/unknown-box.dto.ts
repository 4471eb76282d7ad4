import { ApiProperty } from '@nestjs/swagger';
import type { UnknownBox } from './unknown-boxes.js';

export class UnknownBoxDto implements UnknownBox {
  @ApiProperty({ description: '`(none)`: the box did not say, or what it said is no code.', example: '291' })
  code!: string;

  @ApiProperty({ type: 'integer', description: 'Posts to this instance since it started.', example: 12 })
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
    description: 'Always null: at most 200 are kept.',
    example: null,
  })
  nextCursor!: null;
}
