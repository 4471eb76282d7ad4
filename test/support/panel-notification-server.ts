import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PanelNotification {
  readonly key: string;
  readonly body: { aoc_request_id: string | null; ambulance_id: string; notification_type: string };
}

/** The panel's notification route, as a server of its own that can be ill. */
export class PanelNotificationServer {
  /** Everything that it was told, and what it answered. */
  readonly received: (PanelNotification & { readonly status: number })[] = [];
  status = 200;
  /** Of each answer; 0: at once. */
  delayMs = 0;
  private readonly server = createServer((request, response) => void this.answer(request, response));

  static async open(port = 0): Promise<PanelNotificationServer> {
    const panel = new PanelNotificationServer();
    await new Promise<void>((resolve) => panel.server.listen(port, '127.0.0.1', resolve));
    return panel;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/api/notification/postAmbulanceSpeedNotification`;
  }

  /** What it said 200 to. */
  get accepted(): PanelNotification[] {
    return this.received.filter(({ status }) => status === 200);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { status } = this;
    const body = JSON.parse(text) as PanelNotification['body'];
    this.received.push({ key: String(request.headers['idempotency-key']), body, status });
    if (this.delayMs > 0) await sleep(this.delayMs);
    response.writeHead(status).end('whatever a panel says');
  }
}
