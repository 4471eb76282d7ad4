import { Injectable, Logger } from '@nestjs/common';
import { EventBus, type EventMap, type JsonOf, type Page, pageOf, type PageRequest } from '../core/index.js';
import { type CrashDto, toCrashDto } from './crash.dto.js';
import type { Crash } from './crash.js';
import { CrashesRepository } from './crashes.repository.js';

const PAGE_SIZE = 500;
/** A replay stops here, so that a faulty box that reports all the time cannot fill it. */
const MAX_REPLAYED = 1_000;
/** Reports of a vehicle within this time are one crash: the contact of an old box bounces and sends several. */
const SAME_CRASH_MS = 1_000;

@Injectable()
export class CrashesService {
  private readonly logger = new Logger(CrashesService.name);
  /** The last report of each vehicle that had a crash. */
  private readonly last = new Map<
    string,
    { readonly reportedAtMs: number; readonly crash: Promise<Crash> }
  >();

  constructor(
    private readonly crashes: CrashesRepository,
    private readonly events: EventBus,
  ) {
    events.share('crash.recorded', {
      fromJson: ({ crash, originalFields }: JsonOf<EventMap['crash.recorded']>) => ({
        crash: { ...crash, reportedAt: new Date(crash.reportedAt) },
        ...(originalFields && { originalFields }),
      }),
    });
  }

  /**
   * Resolves when the report is durable; then publishes `crash.recorded`. Further reports of the vehicle within a second
   * get the same crash and the same error.
   * @param report of an existing vehicle: one entry per vehicle stays in memory
   * @param originalFields what an old box sent; travels with the event and is not stored
   * @throws storage/unavailable
   */
  record(report: Omit<Crash, 'id'>, originalFields?: Readonly<Record<string, unknown>>): Promise<Crash> {
    const { vehicleId } = report;
    const reportedAtMs = report.reportedAt.getTime();
    const last = this.last.get(vehicleId);
    if (last && Math.abs(reportedAtMs - last.reportedAtMs) < SAME_CRASH_MS) return last.crash;
    const crash = this.recordNew(report, originalFields);
    this.last.set(vehicleId, { reportedAtMs, crash });
    crash.catch(() => {
      if (this.last.get(vehicleId)?.crash === crash) this.last.delete(vehicleId);
    });
    return crash;
  }

  private async recordNew(
    report: Omit<Crash, 'id'>,
    originalFields?: Readonly<Record<string, unknown>>,
  ): Promise<Crash> {
    const crash = await this.crashes.add(report);
    this.logger.warn({ crashId: crash.id, vehicleId: crash.vehicleId }, 'crash reported');
    await this.events.publishAndWait('crash.stored', crash);
    this.events.publish('crash.recorded', { crash, ...(originalFields && { originalFields }) });
    return crash;
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

  /** For a replay: the first 1,000 crashes of all instances from the second of `at` on, in the order of arrival. */
  listSince(at: Date): Promise<Crash[]> {
    return this.crashes.listSince(at, MAX_REPLAYED);
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
