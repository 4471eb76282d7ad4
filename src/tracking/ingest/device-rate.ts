import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DomainError, type SharedRate, SharedRates } from '../../core/index.js';

/**
 * Limits what one device sends: the events of all its sockets and its position requests together, on all instances. The rate
 * is that of one socket, so that a device gains nothing from more sockets.
 */
@Injectable()
export class DeviceRate {
  private readonly events: SharedRate;

  constructor(rates: SharedRates, @Inject(SETTINGS) { socket }: Pick<Settings, 'socket'>) {
    this.events = rates.add('device-events', socket.limits.eventBurst, socket.limits.eventsPerS);
  }

  /** Counts a request. @throws positions/too-many */
  countRequest(credentialId: string): void {
    const retryAfterMs = this.events.take(credentialId);
    if (retryAfterMs === 0) return;
    throw new DomainError(
      'positions/too-many',
      'This device sends more events and requests than SOCKET_EVENTS_PER_S allows; send the positions again later.',
      { retryAfterMs },
    );
  }

  /** Counts events that have arrived. @returns events that the device may still send; negative: over the limit */
  countEvents(credentialId: string, count: number): number {
    return this.events.charge(credentialId, count);
  }
}
