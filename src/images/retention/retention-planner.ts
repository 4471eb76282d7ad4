import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { Clock } from '../../core/index.js';
import { VehiclesService } from '../../vehicles/index.js';
import type { Image } from '../image.js';
import { ImagesRepository } from '../images.repository.js';
import { type Amount, ImageTotalsRepository } from '../totals/image-totals.repository.js';
import { firstImageIdAt } from '../volume/volume-layout.js';
import { ImageReferences } from './image-references.js';
import { appliesTo, type RetentionRule, rulesFor, type StoredAmounts } from './retention-rules.js';

/** Images of one step. A step of this size takes a few tens of milliseconds. */
const STEP_SIZE = 100;
/** Images that are read at once. */
const PAGE_SIZE = 1_000;
/** The oldest images can be millions that no rule deletes, adopted ones. They are read again after this time. */
const STARTS_KEPT_MS = 86_400_000;
/** The newest images of each vehicle stay. A request has at most 12. */
const NEWEST_PER_VEHICLE = 12;
/** Images of one request have the same time; those of earlier releases the time at which each arrived. */
const ONE_REQUEST_MS = 2_000;

export interface RetentionAmount {
  readonly images: number;
  readonly bytes: number;
}

/** Finds what retention deletes. Deletes nothing. */
@Injectable()
export class RetentionPlanner {
  /** By rule: no image up to this id is one that the rule may delete. */
  private readonly starts = new Map<string, { readonly afterId: string; readonly sinceMs: number }>();

  constructor(
    private readonly images: ImagesRepository,
    private readonly totals: ImageTotalsRepository,
    private readonly references: ImageReferences,
    private readonly vehicles: VehiclesService,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** The rules that have something to delete now. @param space of the volume; null: not known */
  async rules(space: Pick<StoredAmounts, 'freeBytes' | 'totalBytes'>): Promise<readonly RetentionRule[]> {
    const byVehicle = new Map<string, Amount>();
    for (const vehicleId of await this.vehicles.listIdsIncludingArchived())
      byVehicle.set(vehicleId, await this.totals.sumOf(vehicleId));
    const all = await this.totals.sumOfAll();
    return rulesFor(this.settings.images, { byVehicle, all, ...space }, this.clock.nowMs());
  }

  /** The images that a rule deletes, the oldest first, in small steps. A step may be empty. */
  async *victims(rule: RetentionRule): AsyncGenerator<readonly Image[], void, undefined> {
    const newest = new Map<string, ReadonlySet<string>>();
    const endId = firstImageIdAt(rule.beforeMs);
    let leftBytes = rule.excessBytes;
    let hasCandidates = false;
    for (let afterId = this.startOf(rule); leftBytes > 0;) {
      const page = await this.images.listOldest(rule.vehicleId, afterId, endId, PAGE_SIZE);
      const last = page.at(-1);
      if (!last) return;
      afterId = last.id;
      const candidates = page.filter((image) => appliesTo(rule, image, this.settings.images));
      hasCandidates ||= candidates.length > 0;
      if (!hasCandidates) this.setStart(rule, afterId);
      if (candidates.length === 0) yield [];
      for (let from = 0; from < candidates.length && leftBytes > 0; from += STEP_SIZE) {
        // Read for each step: a box can send the bytes of an old image again, and then its old name is shown.
        const shown = await this.references.shownPaths();
        const step: Image[] = [];
        for (const image of candidates.slice(from, from + STEP_SIZE)) {
          if (leftBytes <= 0) break;
          if (shown.has(image.path) || (await this.isNewest(image, newest))) continue;
          step.push(image);
          leftBytes -= image.sizeBytes;
        }
        yield step;
      }
    }
  }

  /** What the next sweep deletes. */
  async plan(
    rules: readonly RetentionRule[],
  ): Promise<readonly (RetentionRule & RetentionAmount & { readonly newest: Date | null })[]> {
    const planned = [];
    for (const rule of rules) {
      const amount = { images: 0, bytes: 0, newest: null as Date | null };
      for await (const step of this.victims(rule)) {
        amount.images += step.length;
        amount.bytes += step.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        amount.newest = step.at(-1)?.createdAt ?? amount.newest;
      }
      planned.push({ ...rule, ...amount });
    }
    return planned;
  }

  /** @returns the id after which the rule's images begin */
  private startOf(rule: RetentionRule): string {
    const start = this.starts.get(keyOf(rule));
    if (start && this.clock.nowMs() - start.sinceMs < STARTS_KEPT_MS) return start.afterId;
    this.starts.delete(keyOf(rule));
    return firstImageIdAt(0);
  }

  private setStart(rule: RetentionRule, afterId: string): void {
    const sinceMs = this.starts.get(keyOf(rule))?.sinceMs ?? this.clock.nowMs();
    this.starts.set(keyOf(rule), { afterId, sinceMs });
  }

  private async isNewest(
    { id, vehicleId }: Image,
    known: Map<string, ReadonlySet<string>>,
  ): Promise<boolean> {
    if (vehicleId === null) return false;
    let newest = known.get(vehicleId);
    if (!newest) {
      const found = await this.images.list(vehicleId, null, NEWEST_PER_VEHICLE);
      const newestMs = found[0]?.createdAt.getTime() ?? 0;
      newest = new Set(
        found
          .filter(({ createdAt }) => newestMs - createdAt.getTime() < ONE_REQUEST_MS)
          .map((each) => each.id),
      );
      known.set(vehicleId, newest);
    }
    return newest.has(id);
  }
}

const keyOf = ({ reason, vehicleId }: RetentionRule): string => `${reason} ${vehicleId}`;
