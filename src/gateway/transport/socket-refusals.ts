import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../../auth/index.js';
import { KeyedTokenBuckets, Metrics } from '../../core/index.js';

/** Why a handshake, a connection, a namespace or an event was refused. */
export const REFUSAL_REASONS = {
  not_ready: 'handshake: the instance is starting or draining',
  protocol: 'handshake: another protocol version, transport or method',
  unknown_session: 'the session of a polling client has ended, or belongs to another instance',
  unjoined: 'too many connections without a namespace, of all or of one address',
  token: 'the token is missing, invalid, expired or revoked',
  per_caller: 'too many connections of one token',
  namespace: 'a namespace that does not exist',
  joins: 'too many attempts to join a namespace',
  old_client: 'a client of the old server, because LEGACY_CLIENTS is off',
  panels: 'too many old panels, of all or of one address',
  packet: 'a packet that no client may send, such as a binary one',
  packets: 'too many packets in one polling body',
  events: 'events too fast',
  json: 'a message with too many values',
  in_flight: 'too many bytes of unfinished messages',
  unsent: 'the client does not take what is sent to it: too many bytes or acknowledgements',
  stalled: 'the client has taken nothing for too long',
  not_json: 'an event that is not JSON, for example because of NaN',
  too_large: 'a message over the size limit',
  unknown_event: 'an event that does not exist',
} as const;
export type RefusalReason = keyof typeof REFUSAL_REASONS;

const LINES_PER_S = 1 / 60;

interface Source {
  readonly network: string;
  readonly principal?: Principal | null;
}

/** Counts what the socket port refuses, and logs one line a source, reason and minute. */
@Injectable()
export class SocketRefusals {
  private readonly logger = new Logger('Sockets');
  private readonly lines = new KeyedTokenBuckets(1, LINES_PER_S);
  private readonly refusals;

  constructor(metrics: Metrics) {
    this.refusals = metrics.counter({
      name: 'samserver_socket_refusals_total',
      help: 'Handshakes, connections, namespaces and events refused on the socket port, by reason.',
      labelNames: ['reason'],
    });
    for (const reason of Object.keys(REFUSAL_REASONS)) this.refusals.inc({ reason }, 0);
  }

  record(reason: RefusalReason, { network, principal }: Source, fields: object = {}): void {
    this.refusals.inc({ reason });
    const source = principal ? sourceOf(principal) : {};
    const key = `${reason} ${Object.values(source)[0] ?? network}`;
    if (this.lines.take(key, performance.now()) > 0) return;
    this.logger.warn(
      { reason, address: network, ...source, ...fields },
      `refused: ${REFUSAL_REASONS[reason]}`,
    );
  }
}

function sourceOf(principal: Principal): Readonly<Record<string, string>> {
  return principal.kind === 'device' ? { vehicleId: principal.vehicleId } : { userId: principal.userId };
}
