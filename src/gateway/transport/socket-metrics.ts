import { Injectable } from '@nestjs/common';
import type { Server } from 'socket.io';
import { Metrics } from '../../core/index.js';

/** `/` is for the old server's panels. */
const NAMESPACES = ['/', '/devices', '/live'];

/** Metrics of connected sockets. */
@Injectable()
export class SocketMetrics {
  private readonly connections;
  private readonly oldClients;

  constructor(private readonly metrics: Metrics) {
    this.connections = metrics.counter({
      name: 'samserver_socket_connections_total',
      help: 'Accepted sockets, by namespace.',
      labelNames: ['namespace'],
    });
    for (const namespace of NAMESPACES) this.connections.inc({ namespace }, 0);
    this.oldClients = metrics.counter({
      name: 'samserver_old_clients_turned_away_total',
      help: "Connections of the old server's clients that were closed, because LEGACY_CLIENTS is off.",
    });
  }

  observe(io: Server): void {
    this.metrics.gauge({
      name: 'samserver_sockets',
      help: 'Connected sockets, by namespace: /devices vehicles, /live subscribers, / old panels.',
      labelNames: ['namespace'],
      collect: (gauge) => {
        for (const namespace of NAMESPACES)
          gauge.set({ namespace }, io._nsps.get(namespace)?.sockets.size ?? 0);
      },
    });
    io.sockets.on('connection', () => this.connections.inc({ namespace: '/' }));
    // Not `io.of`, which would create the namespace without its authentication.
    io.on('new_namespace', (namespace) => {
      if (!NAMESPACES.includes(namespace.name)) return;
      namespace.on('connection', () => this.connections.inc({ namespace: namespace.name }));
    });
  }

  oldClientRejected(): void {
    this.oldClients.inc();
  }
}
