import { Inject, Injectable } from '@nestjs/common';
import { ClientAddresses, Clock, TokenBucket } from '../../core/index.js';
import { type LegacyRoom, SETTINGS, type Settings } from '../../config/index.js';
import { SocketRefusals } from '../../gateway/index.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import { LegacyClientTracker } from '../status/legacy-client-tracker.js';
import { panelWithoutPlace } from './panel-places.js';
import {
  kindOfRoom,
  type PanelNamespace,
  type PanelSocket,
  printableUserAgent,
  roomNameOf,
} from './panel-socket.js';

/** A panel with a hundred vehicles joins two rooms per vehicle when it connects. */
const JOIN_BURST = 250;
const JOINS_PER_S = 5;
const MAX_ROOMS = 250;
/** As on the old server, every join is announced to all panels. Above this rate, only to the panel that joined. */
const ANNOUNCEMENT_BURST = 500;
const ANNOUNCEMENTS_PER_S = 50;
/**
 * Above this number of refused joins the transport is closed, and a panel reconnects. No normal panel causes so many.
 */
const MAX_REFUSED_JOINS = 1_000;

interface Panel {
  readonly socket: PanelSocket;
  /** See `ipNetwork`. */
  readonly network: string;
  readonly joins: TokenBucket;
  refusedCount: number;
}

/** The panels of the old server: read-only clients in the rooms that they joined and that LEGACY_ROOMS allows. */
@Injectable()
export class PanelsService {
  private namespace: PanelNamespace | null = null;
  private readonly panels = new WeakMap<PanelSocket, Panel>();
  private readonly rooms: ReadonlySet<LegacyRoom>;
  private readonly announcements: TokenBucket;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly addresses: ClientAddresses,
    private readonly metrics: LegacyMetrics,
    private readonly refusals: SocketRefusals,
    private readonly clientTracker: LegacyClientTracker,
  ) {
    this.rooms = new Set(settings.legacy.rooms);
    this.announcements = new TokenBucket(ANNOUNCEMENT_BURST, ANNOUNCEMENTS_PER_S, clock.nowMs());
  }

  attach(namespace: PanelNamespace): void {
    this.namespace = namespace;
  }

  /**
   * Sends the connect message. Closes the transport of a panel that gets no place (`LEGACY_MAX_PANELS`,
   * `LEGACY_MAX_PANELS_PER_ADDRESS`); the client tries again.
   */
  onConnect(socket: PanelSocket): void {
    this.panels.set(socket, this.newPanel(socket));
    const connected = [...(this.namespace?.sockets.values() ?? [])];
    const panels = connected.flatMap((each) => this.panels.get(each) ?? []);
    const closed = panelWithoutPlace(panels, this.settings.legacy);
    if (closed) {
      this.refusals.record('panels', closed);
      closed.socket.conn.close();
    }
    if (closed?.socket === socket) return;
    socket.emit('data', `socket connected id: ${socket.id}`);
    const address = this.addresses.of(socket.conn.request);
    this.clientTracker.record({
      kind: 'panel',
      name: address,
      lastAddress: address,
      way: socket.conn.transport.name === 'websocket' ? 'websocket' : 'polling',
      dialect: printableUserAgent(socket.handshake.headers['user-agent']),
    });
  }

  join(socket: PanelSocket, given: unknown): void {
    const panel = this.panels.get(socket);
    if (!panel) return;
    if (!panel.joins.take(this.clock.nowMs())) return this.refuse(socket, panel, 'too_many');
    const name = roomNameOf(given);
    const kind = name === null ? null : kindOfRoom(name);
    if (name === null || kind === null || !this.rooms.has(kind))
      return this.refuse(socket, panel, 'not_a_room');
    // Every socket is in one room of its own, hence `>`.
    if (socket.rooms.size > MAX_ROOMS && !socket.rooms.has(name))
      return this.refuse(socket, panel, 'too_many');
    void socket.join(name);
    this.metrics.join('joined');
    const toAll = this.announcements.take(this.clock.nowMs()) ? this.namespace : null;
    (toAll ?? socket).emit('data', `room joined: ${name}`);
  }

  leave(socket: PanelSocket, given: unknown): void {
    const name = roomNameOf(given);
    if (name !== null && kindOfRoom(name) !== null) void socket.leave(name);
  }

  /** Sends a frame to a room. A panel in two rooms gets a frame for both twice, as from the old server. */
  broadcast(room: string, frame: object): void {
    if (!this.namespace) return;
    this.metrics.frame();
    this.namespace.to(room).emit('data', JSON.stringify(frame));
  }

  private refuse(socket: PanelSocket, panel: Panel, why: 'not_a_room' | 'too_many'): void {
    this.metrics.join(why);
    panel.refusedCount += 1;
    if (panel.refusedCount > MAX_REFUSED_JOINS) socket.conn.close();
  }

  private newPanel(socket: PanelSocket): Panel {
    return {
      socket,
      network: this.addresses.networkOf(socket.conn.request),
      joins: new TokenBucket(JOIN_BURST, JOINS_PER_S, this.clock.nowMs()),
      refusedCount: 0,
    };
  }
}
