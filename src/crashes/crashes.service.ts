import { Injectable, Logger } from '@nestjs/common';
import {
  Clock,
  EventBus,
  type EventMap,
  type JsonOf,
  type Page,
  pageOf,
  type PageRequest,
} from '../core/index.js';
import { type CrashDto, toCrashDto } from './crash.dto.js';
import type { Crash } from './crash.js';
import { CrashesRepository } from './crashes.repository.js';

const PAGE_SIZE = 500;
/** A replay stops here, so that a faulty box that reports all the time cannot fill it. */
const MAX_REPLAYED = 1_000;
/** A crash that is stored later than this after its report has waited in a spool: a replay does not find it by its id. */
const DELAYED_MS = 1_000;
/** Reports of a vehicle within this time are one crash: the contact of an old box bounces and sends several. */
const SAME_CRASH_MS = 1_000;

@Injectable()
export class CrashesService {
  private readonly logger = new Logger(CrashesService.name);
  /** The last crash of each vehicle that had one; `recording` is null before the first write and after a failed one. */
  private readonly last = new Map<string, { readonly crash: Crash; recording: Promise<void> | null }>();
  /** The last crashes of all instances that were stored long after their report. */
  private readonly delayed: { readonly crash: Crash; readonly publishedAtMs: number }[] = [];

  constructor(
    private readonly crashes: CrashesRepository,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {
    events.share('crash.recorded', {
      fromJson: ({ crash, originalFields }: JsonOf<EventMap['crash.recorded']>) => ({
        crash: { ...crash, reportedAt: new Date(crash.reportedAt) },
        ...(originalFields && { originalFields }),
      }),
    });
    events.subscribe('crash.recorded', ({ crash }) => this.noteDelay(crash));
  }

  /**
   * The crash that a report is about: further reports of the vehicle within a second are the same one.
   * @param report of an existing vehicle: one entry per vehicle stays in memory
   * @param id of a new crash; default a new one
   */
  identify(report: Omit<Crash, 'id'>, id?: string): Crash {
    const last = this.last.get(report.vehicleId)?.crash;
    if (last && Math.abs(report.reportedAt.getTime() - last.reportedAt.getTime()) < SAME_CRASH_MS)
      return last;
    const crash = { id: id ?? this.crashes.newId(), ...report };
    this.last.set(report.vehicleId, { crash, recording: null });
    return crash;
  }

  /**
   * Resolves when the crash is durable; then publishes `crash.recorded`. Reports of one crash share the write and its error.
   * A crash that is recorded again after an error is stored once.
   * @param originalFields what an old box sent; travels with the event and is not stored
   * @throws storage/unavailable
   */
  record(crash: Crash, originalFields?: Readonly<Record<string, unknown>>): Promise<void> {
    const last = this.last.get(crash.vehicleId);
    if (last?.crash.id !== crash.id) return this.recordNew(crash, originalFields);
    if (last.recording) return last.recording;
    const recording = this.recordNew(crash, originalFields);
    last.recording = recording;
    recording.catch(() => (last.recording = null));
    return recording;
  }

  private async recordNew(crash: Crash, originalFields?: Readonly<Record<string, unknown>>): Promise<void> {
    await this.crashes.add(crash);
    this.logger.warn({ crashId: crash.id, vehicleId: crash.vehicleId }, 'crash reported');
    await this.events.publishAndWait('crash.stored', crash);
    this.events.publish('crash.recorded', { crash, ...(originalFields && { originalFields }) });
  }

  private noteDelay(crash: Crash): void {
    const publishedAtMs = this.clock.nowMs();
    if (publishedAtMs - crash.reportedAt.getTime() <= DELAYED_MS) return;
    this.delayed.push({ crash, publishedAtMs });
    if (this.delayed.length > MAX_REPLAYED) this.delayed.shift();
  }

  find(id: string): Promise<Crash | null> {
    return this.crashes.findById(id);
  }

  /** @throws crashes/not-found */
  async get(id: string): Promise<CrashDto> {
    return toCrashDto(await this.crashes.getById(id));
  }

  /** Newest first. @param vehicleId null: of all vehicles, archived ones included */
  async list(page: PageRequest, vehicleId: string | null): Promise<Page<CrashDto>> {
    const found = await this.crashes.list(vehicleId, page.afterId, page.limit + 1);
    return pageOf(found.map(toCrashDto), page.limit);
  }

  /**
   * For a replay: the first 1,000 crashes of all instances from the second of `at` on, in the order of arrival; then earlier
   * ones that were stored since then.
   */
  async listSince(at: Date): Promise<Crash[]> {
    const found = await this.crashes.listSince(at, MAX_REPLAYED);
    const ids = new Set(found.map(({ id }) => id));
    const delayed = this.delayed.filter(
      ({ crash, publishedAtMs }) => publishedAtMs >= at.getTime() && !ids.has(crash.id),
    );
    return [...found, ...delayed.map(({ crash }) => crash)];
  }

  /** All crashes of all instances from the second of `at` on, in the order of arrival. */
  async *pagesSince(at: Date): AsyncGenerator<readonly Crash[], void, undefined> {
    let page = await this.crashes.listSince(at, PAGE_SIZE);
    for (;;) {
      const last = page.at(-1);
      if (!last) return;
      yield page;
      if (page.length < PAGE_SIZE) return;
      page = await this.crashes.listAfter(last.id, PAGE_SIZE);
    }
  }
}
