import { ApiClient, ApiSession, type Delivery, DeviceClient } from '../../src/tools/client/index.js';
import type { PositionInput } from '../../src/core/index.js';

export interface FleetVehicle {
  readonly vehicleId: string;
  readonly token: string;
}

/** Creates vehicles with device tokens over the HTTP API. */
export async function makeFleet(
  url: string,
  admin: { email: string; password: string },
  count: number,
  prefix: string,
): Promise<{ session: ApiSession; vehicles: FleetVehicle[] }> {
  const session = new ApiSession(url, admin.email, admin.password);
  const api = new ApiClient(url, { accessToken: session.accessToken });
  const vehicles: FleetVehicle[] = [];
  for (let n = 0; n < count; n += 1) {
    const name = `${prefix}-${n}`;
    const vehicle = await api.createVehicle({ callSign: name, registration: name, type: 'als' });
    const { token } = await api.createCredential(vehicle.id);
    vehicles.push({ vehicleId: vehicle.id, token });
  }
  return { session, vehicles };
}

/**
 * A device that sends a fix every `everyMs` until it is stopped, across all cuts of its connection, and records the
 * acknowledged fixes.
 */
export class SendingDevice {
  readonly acknowledged = new Map<string, Delivery>();
  readonly refused: Error[] = [];
  sent = 0;
  private readonly client: DeviceClient;
  private readonly timer: NodeJS.Timeout;
  private readonly startMs = Date.now() - 3_600_000;

  constructor(
    socketUrl: string,
    readonly vehicle: FleetVehicle,
    everyMs: number,
    /** Times are `performance.now()`. */
    private readonly onAcknowledged: (time: string, sentAtMs: number) => void = () => undefined,
  ) {
    this.client = new DeviceClient(socketUrl, vehicle.token, {
      ackTimeoutMs: 3_000,
      reconnectDelay: { minMs: 50, maxMs: 200 },
    });
    this.client.connect(60_000).catch((error: Error) => this.refused.push(error));
    this.timer = setInterval(() => this.send(), everyMs);
  }

  get resends(): number {
    return this.client.resends;
  }

  /** Stops sending, waits for open acknowledgements and closes the socket. */
  async stop(timeoutMs = 30_000): Promise<{ unacknowledged: number }> {
    clearInterval(this.timer);
    return this.client.close(timeoutMs);
  }

  private send(): void {
    const position = this.position(this.sent);
    this.sent += 1;
    const sentAtMs = performance.now();
    this.client.send(position).then(
      (delivery) => {
        this.acknowledged.set(position.time, delivery);
        this.onAcknowledged(position.time, sentAtMs);
      },
      (error: Error) => this.refused.push(error),
    );
  }

  private position(n: number): PositionInput {
    return {
      lat: 48 + n * 1e-5,
      lon: 11 + n * 1e-5,
      time: new Date(this.startMs + n * 50).toISOString(),
      speedMps: 10,
    };
  }
}
