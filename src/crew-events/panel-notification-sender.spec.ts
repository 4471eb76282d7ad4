import { describe, expect, it } from '@jest/globals';
import type { Notification } from './crew-events.repository.js';
import type { Delivery } from './panel-notification-client.js';
import {
  backoffMs,
  chooseDue,
  claimAttempt,
  dueNotifications,
  outcome,
} from './panel-notification-sender.js';

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
  closures: 0,
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

  const accepted: Delivery = { failure: null, ending: 'answered', isByProxy: false };
  const refused: Delivery = { failure: 'x', ending: 'answered', isByProxy: false };
  const closed: Delivery = { failure: 'x', ending: 'closed', isByProxy: false };
  const badGateway: Delivery = { ...closed, isByProxy: true };

  it('ends in sent, in a later attempt, or in dead', () => {
    const tried = waiting('1', 'a', { attempts: 2, failure: 'answered 500' });
    expect(outcome(tried, accepted, true, 7_000)).toEqual({
      sendState: 'sent',
      sentAt: new Date(7_000),
      failure: null,
    });
    const later = { failure: 'x', closures: 0, nextAttemptAt: new Date(61_999) };
    expect(outcome(tried, refused, true, 59_999)).toEqual(later);
    expect(outcome(tried, refused, true, 60_000)).toEqual({ sendState: 'dead', failure: 'x', closures: 0 });
  });

  it('that closes the connection a second time is the last one', () => {
    const first = outcome(waiting('1', 'a', { attempts: 1 }), closed, true, 7_000);
    expect(first).toEqual({ failure: 'x', closures: 1, nextAttemptAt: new Date(8_000) });
    const again = waiting('1', 'a', { attempts: 5, closures: 1 });
    expect(outcome(again, closed, false, 7_000)).toEqual({ sendState: 'dead', failure: 'x', closures: 2 });
    // A panel that is down counts for nothing.
    expect(outcome(again, { ...refused, ending: 'unanswered' }, false, 7_000)).toMatchObject({ closures: 1 });
  });

  it('with a 502 of a proxy counts as closed only after an answer: the panel may be down', () => {
    const again = waiting('1', 'a', { attempts: 1, closures: 1 });
    expect(outcome(again, badGateway, false, 7_000)).toMatchObject({ closures: 1 });
    expect(outcome(again, badGateway, true, 7_000)).toMatchObject({ sendState: 'dead', closures: 2 });
  });
});

describe('chooseDue', () => {
  const due = [waiting('1', 'a', { attempts: 1 }), waiting('2', 'b'), waiting('3', 'c')];
  it('gives all, one that was tried least, or none', () => {
    expect(chooseDue(due, 8)).toEqual(due);
    expect(chooseDue(due, 1).map(({ id }) => id)).toEqual(['2']);
    expect(chooseDue(due, 0)).toEqual([]);
  });
});
