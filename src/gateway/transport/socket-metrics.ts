import { Injectable } from '@nestjs/common';
import type { Server } from 'socket.io';
import { Metrics } from '../../core/index.js';

/** The default one is the old server's: its panels. */
const NAMESPACES = ['/', '/devices', '/live'];

/** Who is connected. */
@Injectable()
export class SocketMetrics {
  private readonly connections;
  private readonly oldClients;

  constructor(private readonly metrics: Metrics) {
    this.connections = metrics.counter({
      name: 'samserver_socket_connections_total',
      help: 'Sockets that were let in, by namespace.',
      labelNames: ['namespace'],
    });
    for (const namespace of NAMESPACES) this.connections.inc({ namespace }, 0);
    this.oldClients = metrics.counter({
      name: 'samserver_old_clients_turned_away_total',
      help: "Connections of the old server's clients that were closed, to try again: they are not served here.",
    });
  }

  observe(io: Server): void {
    this.metrics.gauge({
      name: 'samserver_sockets',
      help: 'Sockets that are connected just now, by namespace: /devices are vehicles, /live watchers, / old panels.',
      labelNames: ['namespace'],
      collect: (gauge) => {
        for (const namespace of NAMESPACES)
          gauge.set({ namespace }, io._nsps.get(namespace)?.sockets.size ?? 0);
      },
    });
    io.sockets.on('connection', () => this.connections.inc({ namespace: '/' }));
    // Not by `io.of`: it would make the namespace, open, before its gateway has put a guard before it.
    io.on('new_namespace', (namespace) => {
      if (!NAMESPACES.includes(namespace.name)) return;
      namespace.on('connection', () => this.connections.inc({ namespace: namespace.name }));
    });
  }

  oldClientRejected(): void {
    this.oldClients.inc();
  }
}
