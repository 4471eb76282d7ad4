/** An old box, an old panel, or a box that belongs to no vehicle. */
export type LegacyClientKind = 'box' | 'panel' | 'unknown_box';
export const LEGACY_CLIENT_KINDS = ['box', 'unknown_box', 'panel'] as const;

/** `http`, `socket_port`: posts on 5000, on 5050. The others are transports of sockets. */
export type LegacyTransport = 'http' | 'socket_port' | 'polling' | 'websocket';

export interface LegacyClientActivity {
  readonly kind: LegacyClientKind;
  /** The code of a box; the address of a panel. */
  readonly name: string;
  readonly way: LegacyTransport;
  /** `json`, `urlencoded`, `multipart`, `none`; of a panel, what its program calls itself. */
  readonly dialect: string;
}

export interface LegacyClient extends LegacyClientActivity {
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  /** Posts, or connections. */
  readonly count: number;
}
