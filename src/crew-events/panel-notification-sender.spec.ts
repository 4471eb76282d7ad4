import { describe, expect, it } from '@jest/globals';
import type { Notification } from './crew-events.repository.js';
import { claimAttempt, dueNotifications, outcome, backoffMs } from './panel-notification-sender.js';

const waiting = (id: string, vehicleId: string, more: Partial<Notification> = {}): Notification => ({
  id,
  vehicleId,
  type: 'speed_above_80',
  at: new Date(0),
  lat: 0,
  lon: 0,
  averageKmh: null,
  requestId: null,
  minutesLeft: null,
  late: false,
  recordedAt: new Date(0),
  ambulanceId: vehicleId,
  sendState: 'waiting',
  attempts: 0,
  nextAttemptAt: new Date(1_000),
  giveUpAt: new Date(60_000),
  failure: null,
  sentAt: null,
  ...more,
});

describe('dueNotifications', () => {
  const late = { nextAttemptAt: new Date(9_000) };
  it('gives the oldest of each vehicle when it is due, and not the later ones', () => {
    const all = [waiting('1', 'a', late), waiting('2', 'b'), waiting('3', 'a'), waiting('4', 'b')];
    expect(dueNotifications(all, 1_000).map(({ id }) => id)).toEqual(['2']);
    expect(dueNotifications(all, 9_000).map(({ id }) => id)).toEqual(['1', '2']);
    expect(dueNotifications(all, 999)).toEqual([]);
  });
});

describe('backoffMs', () => {
  it('doubles up to five minutes', () => {
    expect([1, 2, 3, 9, 10, 1_000].map(backoffMs)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
  });
});

describe('an attempt', () => {
  it('is counted before it is made, and excludes another one while it may be under way', () => {
    expect(claimAttempt(waiting('1', 'a', { attempts: 2 }), 10_000, 5_000)).toEqual({
      attempts: 3,
      nextAttemptAt: new Date(10_000 + 5_000 + 4_000),
    });
  });

  it('ends in sent, in a later attempt, or in dead', () => {
    const tried = waiting('1', 'a', { attempts: 2, failure: 'answered 500' });
    expect(outcome(tried, null, 7_000)).toEqual({
      sendState: 'sent',
      sentAt: new Date(7_000),
      failure: null,
    });
    expect(outcome(tried, 'x', 59_999)).toEqual({ failure: 'x', nextAttemptAt: new Date(61_999) });
    expect(outcome(tried, 'x', 60_000)).toEqual({ sendState: 'dead', failure: 'x' });
  });
});
