import { Inject, Injectable } from '@nestjs/common';
import { Clock, type PositionReport } from '../common/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import type { RecordedPosition } from './position-feed.js';
import { PositionsRepository, positionKey } from './positions.repository.js';
import { quarantineId } from './quarantine-id.js';
import { type QuarantinedReport, QuarantineRepository } from './quarantine.repository.js';
import { isSamePlace, type StoredPosition } from './stored-position.js';
import { judgeTrack } from './track-judge.js';
import { TrackReader } from './track-reader.js';
import type { Judgement, QuarantineCode } from './verdict.js';

export interface Judged {
  /** One for each report, in their order. */
  readonly judgements: readonly Judgement[];
  /** What became part of the history now, released fixes included; ascending by time. */
  readonly recorded: readonly RecordedPosition[];
}

type HeldCodes = ReadonlyMap<string, QuarantineCode>;

/** Judges reports by what storage knows, and makes all of it durable. */
@Injectable()
export class PositionJudge {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly quarantine: QuarantineRepository,
    private readonly tracks: TrackReader,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /**
   * @param reports of any vehicles, ascending by time
   * @throws storage/unavailable: then nothing is known of any of them
   */
  async judge(reports: readonly PositionReport[]): Promise<Judged> {
    const heldCodes = await this.quarantine.findHeldCodes(reports);
    const judgements = new Array<Judgement>(reports.length);
    const released: RecordedPosition[] = [];
    await Promise.all(
      byVehicle(reports).map(async ({ vehicleId, indexes }) => {
        const own = indexes.map((index) => reports[index] as PositionReport);
        const memory = await this.tracks.read(vehicleId, own);
        const judged = await judgeTrack(
          own,
          memory,
          (report) => heldCode(heldCodes, report),
          this.settings.positions,
        );
        indexes.forEach((index, n) => (judgements[index] = judged.judgements[n] as Judgement));
        released.push(...judged.released);
      }),
    );
    return this.write(reports, judgements, released, heldCodes);
  }

  /**
   * Good fixes first: a crash in between leaves a released fix in both places, and the next look at it finds the good
   * one; the other order would leave it in neither.
   */
  private async write(
    reports: readonly PositionReport[],
    judgements: Judgement[],
    released: readonly RecordedPosition[],
    heldCodes: HeldCodes,
  ): Promise<Judged> {
    const recordedAt = new Date(this.clock.nowMs());
    const believed = reports.flatMap((position, index): RecordedPosition[] => {
      const judgement = judgements[index];
      return judgement?.verdict === 'stored' ? [{ position, late: judgement.late }] : [];
    });
    const there = await this.insert([...believed, ...released], recordedAt);
    mend(reports, judgements, there);

    const held: QuarantinedReport[] = [];
    // One whose moment is another place's now stays what it was: held.
    const recorded = released.filter(({ position }) => !isElsewhere(there, position));
    const noLongerHeld = recorded.map(({ position }) => position);
    reports.forEach((report, index) => {
      const judgement = judgements[index];
      if (judgement?.verdict === 'quarantined') held.push({ report, code: judgement.code });
      if (judgement?.verdict !== 'stored') return;
      recorded.push({ position: report, late: judgement.late });
      if (heldCode(heldCodes, report) !== null) noLongerHeld.push(report);
    });
    await this.quarantine.keep(held);
    await this.quarantine.markReleased(noLongerHeld, recordedAt, null);
    recorded.sort((a, b) => a.position.timeMs - b.position.timeMs);
    return { judgements, recorded };
  }

  /** @returns those that another instance has stored since they were looked for, by key as in `positionKey` */
  private async insert(
    believed: readonly RecordedPosition[],
    recordedAt: Date,
  ): Promise<ReadonlyMap<string, StoredPosition>> {
    if (believed.length === 0) return new Map();
    const taken = await this.positions.insert(believed, recordedAt);
    if (taken.size === 0) return new Map();
    return this.positions.findSame([...taken].flatMap((index) => believed[index]?.position ?? []));
  }
}

/** What was judged before another instance stored its own is judged by that. */
function mend(
  reports: readonly PositionReport[],
  judgements: Judgement[],
  there: ReadonlyMap<string, StoredPosition>,
): void {
  if (there.size === 0) return;
  reports.forEach((report, index) => {
    if (judgements[index]?.verdict !== 'stored' || !there.has(positionKey(report))) return;
    judgements[index] = isElsewhere(there, report)
      ? { verdict: 'quarantined', code: 'time_conflict' }
      : { verdict: 'duplicate' };
  });
}

function isElsewhere(there: ReadonlyMap<string, StoredPosition>, position: StoredPosition): boolean {
  const other = there.get(positionKey(position));
  return other !== undefined && !isSamePlace(other, position);
}

function heldCode(codes: HeldCodes, report: PositionReport): QuarantineCode | null {
  return codes.size === 0 ? null : (codes.get(quarantineId(report).toString('hex')) ?? null);
}

function byVehicle(reports: readonly PositionReport[]): { vehicleId: string; indexes: number[] }[] {
  const groups = new Map<string, number[]>();
  reports.forEach(({ vehicleId }, index) => {
    const indexes = groups.get(vehicleId);
    if (indexes) indexes.push(index);
    else groups.set(vehicleId, [index]);
  });
  return [...groups].map(([vehicleId, indexes]) => ({ vehicleId, indexes }));
}
