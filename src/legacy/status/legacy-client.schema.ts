import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';

/** A tracking box, a panel, or a box whose code belongs to no vehicle. */
export type LegacyClientKind = 'box' | 'panel' | 'unknown_box';
export const LEGACY_CLIENT_KINDS = ['box', 'unknown_box', 'panel'] as const;

/** `http`, `socket_port`: HTTP requests on the port of that name. `polling`, `websocket`: transports of a socket. */
export type LegacyTransport = 'http' | 'socket_port' | 'polling' | 'websocket';

export interface LegacyClientActivity {
  readonly kind: LegacyClientKind;
  /** The code of a box, or the IP address of a panel. */
  readonly name: string;
  readonly way: LegacyTransport;
  /** Of a box the body format: `json`, `urlencoded`, `multipart`, `none`. Of a panel its user agent. */
  readonly dialect: string;
  /** IP address of its last request, of the client and not of a trusted proxy; null in records of an earlier release. */
  readonly lastAddress: string | null;
}

export interface LegacyClient extends LegacyClientActivity {
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  /** Requests of a box, connections of a panel. */
  readonly count: number;
}

/** A client of the old server that uses this service. A few hundred documents, always read as a whole. */
@Schema({ collection: 'legacy_clients', versionKey: false })
export class LegacyClientRecord {
  /** `<kind>:<name>`; of a panel `panel:<name> <user agent>`. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: String, required: true })
  kind!: LegacyClientKind;

  @Prop({ type: String, required: true })
  name!: string;

  @Prop({ type: String, required: true })
  way!: LegacyTransport;

  @Prop({ type: String, required: true })
  dialect!: string;

  @Prop({ type: String })
  lastAddress?: string | null;

  @Prop({ type: Date, required: true })
  firstSeenAt!: Date;

  @Prop({ type: Date, required: true })
  lastSeenAt!: Date;

  @Prop({ type: Number, required: true })
  count!: number;
}

export const LegacyClientSchema = SchemaFactory.createForClass(LegacyClientRecord);
