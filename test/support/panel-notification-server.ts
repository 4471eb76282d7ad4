import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PanelNotification {
  readonly key: string;
  readonly body: { aoc_request_id: string; ambulance_id: string; notification_type: string };
}

/** A server with the notification route of the panel. It can answer slowly or with an error. */
export class PanelNotificationServer {
  /** All received notifications, with the status of the answer. */
  readonly received: (PanelNotification & { readonly status: number })[] = [];
  status = 200;
  /** Delay of each answer; 0: none. */
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

  /** Notifications that were answered with 200. */
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
    response.writeHead(status).end('a text that is ignored');
  }
}
