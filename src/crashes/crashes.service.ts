import { Injectable, Logger } from '@nestjs/common';
import { EventBus, type Page, pageOf, type PageRequest } from '../core/index.js';
import { type Crash, type CrashReport, type CrashView, toCrashView } from './crash.js';
import { CrashesRepository } from './crashes.repository.js';

const PAGE = 500;
/** Of one replay: no fleet crashes so often, and a box that does is to be looked at and not shown on and on. */
const MAX_REPLAYED = 1_000;

@Injectable()
export class CrashesService {
  private readonly logger = new Logger(CrashesService.name);

  constructor(
    private readonly crashes: CrashesRepository,
    private readonly events: EventBus,
  ) {}

  /** Durable when it resolves, and told to those who watch. @throws storage/unavailable */
  async record(report: CrashReport): Promise<Crash> {
    const crash = await this.crashes.add(report);
    this.logger.warn({ crashId: crash.id, vehicleId: crash.vehicleId }, 'a crash was reported');
    this.events.publish('crash.recorded', crash);
    return crash;
  }

  /** @throws crashes/not-found */
  async get(id: string): Promise<CrashView> {
    return toCrashView(await this.crashes.getById(id));
  }

  /** Newest first; of archived vehicles too. */
  async list(page: PageRequest, vehicleId: string | null): Promise<Page<CrashView>> {
    const found = await this.crashes.list(vehicleId, page.afterId, page.limit + 1);
    return pageOf(found.map(toCrashView), page.limit);
  }

  /** For a watcher that comes back: from this moment on, by any instance, in the order of arrival. */
  since(at: Date): Promise<Crash[]> {
    return this.crashes.listSince(at, MAX_REPLAYED);
  }

  /** All of them from the second of this moment on, by any instance, in the order of arrival. */
  async *pagesSince(at: Date): AsyncGenerator<readonly Crash[], void, undefined> {
    let page = await this.crashes.listSince(at, PAGE);
    for (;;) {
      const last = page.at(-1);
      if (!last) return;
      yield page;
      if (page.length < PAGE) return;
      page = await this.crashes.listAfter(last.id, PAGE);
    }
  }
}
