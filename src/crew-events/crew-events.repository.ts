import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { DatabaseTime, insertOrFindDuplicates } from '../database/index.js';
import { CrewEventRecord, type SendState } from './crew-event.schema.js';
import type { CrewEvent, CrewEventAudience, PendingCrewEvent } from './crew-event-rules.js';

/** A stored crew event. */
export interface RecordedCrewEvent extends CrewEvent {
  /** Absent in events of earlier releases: both audiences. */
  readonly audience?: CrewEventAudience;
  readonly recordedAt: Date;
  readonly late: boolean;
}

interface SendRules {
  /** An event that is older when it is recorded is late, and a late notification is not sent, milliseconds. */
  readonly maxAgeMs: number;
  /** How long sending is retried, milliseconds. */
  readonly giveUpAfterMs: number;
}

/** A stored panel notification. */
export interface Notification extends RecordedCrewEvent {
  readonly ambulanceId: string;
  readonly sendState: SendState;
  readonly attempts: number;
  /** Attempts that may have ended the panel's process. */
  readonly closures: number;
  readonly nextAttemptAt: Date;
  readonly giveUpAt: Date;
  readonly failure: string | null;
  readonly sentAt: Date | null;
}

export type SendChange = Partial<
  Pick<
    Notification,
    'sendState' | 'attempts' | 'closures' | 'nextAttemptAt' | 'giveUpAt' | 'failure' | 'sentAt'
  >
>;

/** null matches an absent field: an event of an earlier release. */
const FOR_WATCHERS: { $in: (CrewEventAudience | null)[] } = { $in: ['watchers', null] };

@Injectable()
export class CrewEventsRepository {
  /** Newest `recordedAt` that this instance has given. */
  private newestMs = -Infinity;

  constructor(
    @InjectModel(CrewEventRecord.name) private readonly events: Model<CrewEventRecord>,
    private readonly time: DatabaseTime,
  ) {}

  /**
   * Stores each event once, also when it is given again.
   * @returns the events that were new, as stored
   */
  async record(
    pending: readonly PendingCrewEvent[],
    { maxAgeMs, giveUpAfterMs }: SendRules,
  ): Promise<RecordedCrewEvent[]> {
    if (pending.length === 0) return [];
    const moments = this.recordingTimesOf(pending, await this.time.read());
    const events = pending.map((event, index) => {
      const recordedAt = moments[index] as Date;
      return { ...event, recordedAt, late: recordedAt.getTime() - event.at.getTime() > maxAgeMs };
    });
    const known = await insertOrFindDuplicates(
      this.events,
      events.map(({ id, vehicleId, isShadow, ...event }) => {
        const { recordedAt, late } = event;
        const document = { _id: id, vehicleId: new Types.ObjectId(vehicleId), ...event };
        if (event.audience !== 'panel') return document;
        return {
          ...document,
          sendState: isShadow ? 'shadow' : late ? 'kept' : 'waiting',
          attempts: 0,
          closures: 0,
          nextAttemptAt: recordedAt,
          giveUpAt: new Date(recordedAt.getTime() + giveUpAfterMs),
          failure: null,
          sentAt: null,
        };
      }),
    );
    return events.filter((_, index) => !known.has(index));
  }

  /**
   * The events of one vehicle get times a millisecond apart, later than every time given before. A reader that sorts by
   * `recordedAt` therefore gets "above 80" before "above 120", even when one position caused both.
   */
  private recordingTimesOf(pending: readonly PendingCrewEvent[], now: Date): Date[] {
    const baseMs = Math.max(now.getTime(), this.newestMs + 1);
    const counts = new Map<string, number>();
    return pending.map(({ vehicleId }) => {
      const count = counts.get(vehicleId) ?? 0;
      counts.set(vehicleId, count + 1);
      this.newestMs = Math.max(this.newestMs, baseMs + count);
      return new Date(baseMs + count);
    });
  }

  async find(id: string): Promise<Notification | null> {
    const found = await this.events.findOne({ _id: id }).lean();
    return found && toNotification(found);
  }

  /** Notifications in the order of recording. @param after the last item of the page before; null: the first page */
  async list(state: SendState, after: EventCursor | null, limit: number): Promise<Notification[]> {
    const found = await this.events
      .find({
        sendState: state,
        ...(after && {
          recordedAt: { $gte: after.recordedAt },
          $or: [{ recordedAt: { $gt: after.recordedAt } }, { _id: { $gt: after.id } }],
        }),
      })
      .sort({ recordedAt: 1, _id: 1 })
      .limit(limit)
      .lean();
    return found.map(toNotification);
  }

  /** Events for watchers, of all instances, recorded at or after `at`, in the order of recording. */
  async listSince(at: Date, limit: number): Promise<RecordedCrewEvent[]> {
    const found = await this.events
      .find({ recordedAt: { $gte: at }, audience: FOR_WATCHERS })
      .sort({ recordedAt: 1, _id: 1 })
      .limit(limit)
      .lean();
    return found.map(toNotification);
  }

  /** Counts up to a limit, so that a large backlog costs no more. */
  async countUpTo(limit: number, state: SendState): Promise<number> {
    const found = await this.events
      .find({ sendState: state }, { _id: 1 })
      .sort({ recordedAt: 1, _id: 1 })
      .limit(limit)
      .lean();
    return found.length;
  }

  /** Writes only if nothing has changed since it was read. @returns false when it has changed */
  async change(seen: Notification, change: SendChange): Promise<boolean> {
    const { id: _id, sendState, attempts } = seen;
    const { matchedCount } = await this.events.updateOne({ _id, sendState, attempts }, { $set: change });
    return matchedCount === 1;
  }
}

/** The end of a page. */
export interface EventCursor {
  readonly recordedAt: Date;
  readonly id: string;
}

function toNotification({
  _id,
  vehicleId,
  late = false,
  closures = 0,
  ...rest
}: CrewEventRecord): Notification {
  return { ...rest, id: _id, vehicleId: vehicleId.toHexString(), late, closures };
}
