import { expect, jest } from '@jest/globals';
import { PinoLogger } from '../../src/core/index.js';
import { ask, connectSocket } from './sockets.js';
import type { Instance } from './test-service.js';

/** Records unhandled rejections, uncaught exceptions and logged errors of the service during a test. */
export class ProcessMonitor {
  private readonly errors: unknown[] = [];
  private readonly note = (error: unknown): void => void this.errors.push(error);
  private second = 0;

  constructor() {
    process.on('unhandledRejection', this.note);
    process.on('uncaughtException', this.note);
    for (const level of ['error', 'fatal'] as const) {
      jest.spyOn(PinoLogger.prototype, level).mockImplementation((...args: unknown[]) => this.note(args));
    }
    // Socket.IO reports errors without a listener there.
    jest.spyOn(console, 'error').mockImplementation((...args: unknown[]) => this.note(args));
  }

  end(): void {
    process.off('unhandledRejection', this.note);
    process.off('uncaughtException', this.note);
    jest.restoreAllMocks();
  }

  /** Expects no error since the last call, an answer of `/health`, and a stored fix. */
  async expectHealthy({ url, socketUrl }: Instance, deviceToken: string): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    expect(this.errors.splice(0)).toEqual([]);
    const health = await fetch(`${url}/health`);
    expect(health.status).toBe(200);
    const device = await connectSocket(socketUrl, '/devices', deviceToken);
    this.second += 1;
    const time = new Date(Date.now() - 3_600_000 + this.second * 1_000).toISOString();
    const answer = await ask(device, 'position', { lat: 48, lon: 11 + this.second * 1e-5, time });
    device.close();
    expect(answer).toMatchObject({ stored: 1 });
  }
}
