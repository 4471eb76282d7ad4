import { isIP } from 'node:net';

/** A socket of the default namespace, as far as panels need it; the gateway's own types stay there. */
export interface PanelSocket {
  readonly id: string;
  readonly rooms: ReadonlySet<string>;
  readonly conn: {
    readonly remoteAddress: string;
    readonly transport: { readonly name: string };
    /** What the connection has not taken yet. */
    readonly writeBuffer: { readonly length: number };
    /** Not `disconnect()`, which stops a client for ever: it comes back by itself. */
    close(): void;
  };
  readonly handshake: { readonly headers: Readonly<Record<string, string | string[] | undefined>> };
  emit(event: 'data', text: string): unknown;
  join(room: string): unknown;
  leave(room: string): unknown;
}

export interface PanelNamespace {
  readonly sockets: ReadonlyMap<string, PanelSocket>;
  emit(event: 'data', text: string): unknown;
  to(room: string): { emit(event: 'data', text: string): unknown };
}

const MAX_USER_AGENT_LENGTH = 120;

/** Where it comes from: as a proxy says that is believed, else as its connection says. */
export function panelAddress({ conn, handshake }: PanelSocket, trustedProxies: readonly string[]): string {
  const forwarded = String(handshake.headers['x-forwarded-for'] ?? '')
    .split(',')
    .at(-1)
    ?.trim();
  const direct = conn.remoteAddress.replace(/^::ffff:/, '');
  return forwarded && isIP(forwarded) !== 0 && trustedProxies.includes(direct) ? forwarded : direct;
}

/** What its program calls itself, made harmless. */
export function printableUserAgent(given: string | string[] | undefined): string {
  return String(given ?? '(none)')
    .slice(0, MAX_USER_AGENT_LENGTH)
    .replace(/[^\x20-\x7e]/g, '?');
}
