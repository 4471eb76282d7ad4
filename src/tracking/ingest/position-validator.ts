import { Inject, Injectable } from '@nestjs/common';
import { Clock, type Position } from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import type { RecordedPosition } from '../recorded-position.js';
import { PositionsRepository, positionKey } from '../positions.repository.js';
import { quarantineId } from '../quarantine/quarantine-id.js';
import { type QuarantinedReport, QuarantineRepository } from '../quarantine/quarantine.repository.js';
import { isSamePlace, type StoredPosition } from '../stored-position.js';
import { validateTrack } from './track-validation.js';
import { TrackContextLoader } from './track-context-loader.js';
import type { ValidationResult, QuarantineCode } from '../verdict.js';

export interface ValidatedGroup {
  /** One for each report, in their order. */
  readonly validationResults: readonly ValidationResult[];
  /** What became part of the history now, released fixes included; ascending by time. */
  readonly recorded: readonly RecordedPosition[];
}

type HeldCodes = ReadonlyMap<string, QuarantineCode>;

/** Judges reports by what storage knows, and makes all of it durable. */
@Injectable()
export class PositionValidator {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly quarantine: QuarantineRepository,
    private readonly contexts: TrackContextLoader,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /**
   * @param reports of any vehicles, ascending by time
   * @throws storage/unavailable: then nothing is known of any of them
   */
  async validate(reports: readonly Position[]): Promise<ValidatedGroup> {
    const heldCodes = await this.quarantine.findHeldCodes(reports);
    const validationResults = new Array<ValidationResult>(reports.length);
    const released: RecordedPosition[] = [];
    await Promise.all(
      byVehicle(reports).map(async ({ vehicleId, indexes }) => {
        const own = indexes.map((index) => reports[index] as Position);
        const context = await this.contexts.read(vehicleId, own);
        const judged = await validateTrack(
          own,
          context,
          (report) => heldCode(heldCodes, report),
          this.settings.positions,
        );
        indexes.forEach(
          (index, n) => (validationResults[index] = judged.validationResults[n] as ValidationResult),
        );
        released.push(...judged.released);
      }),
    );
    return this.write(reports, validationResults, released, heldCodes);
  }

  /**
   * Good fixes first: a crash in between leaves a released fix in both places, and the next look at it finds the good
   * one; the other order would leave it in neither.
   */
  private async write(
    reports: readonly Position[],
    validationResults: ValidationResult[],
    released: readonly RecordedPosition[],
    heldCodes: HeldCodes,
  ): Promise<ValidatedGroup> {
    const recordedAt = new Date(this.clock.nowMs());
    const accepted = reports.flatMap((position, index): RecordedPosition[] => {
      const validationResult = validationResults[index];
      return validationResult?.verdict === 'stored' ? [{ position, late: validationResult.late }] : [];
    });
    const storedMeanwhile = await this.insert([...accepted, ...released], recordedAt);
    applyConcurrentInserts(reports, validationResults, storedMeanwhile);

    const held: QuarantinedReport[] = [];
    // One whose moment is another place's now stays what it was: held.
    const recorded = released.filter(({ position }) => !isAtOtherPlace(storedMeanwhile, position));
    const releasedReports = recorded.map(({ position }) => position);
    reports.forEach((report, index) => {
      const validationResult = validationResults[index];
      if (validationResult?.verdict === 'quarantined') held.push({ report, code: validationResult.code });
      if (validationResult?.verdict !== 'stored') return;
      recorded.push({ position: report, late: validationResult.late });
      if (heldCode(heldCodes, report) !== null) releasedReports.push(report);
    });
    await this.quarantine.insertHeld(held);
    await this.quarantine.markReleased(releasedReports, recordedAt, null);
    recorded.sort((a, b) => a.position.timeMs - b.position.timeMs);
    return { validationResults, recorded };
  }

  /** @returns those that another instance has stored since they were looked for, by key as in `positionKey` */
  private async insert(
    accepted: readonly RecordedPosition[],
    recordedAt: Date,
  ): Promise<ReadonlyMap<string, StoredPosition>> {
    if (accepted.length === 0) return new Map();
    const taken = await this.positions.insert(accepted, recordedAt);
    if (taken.size === 0) return new Map();
    return this.positions.findStored([...taken].flatMap((index) => accepted[index]?.position ?? []));
  }
}

/** What was judged before another instance stored its own is judged by that. */
function applyConcurrentInserts(
  reports: readonly Position[],
  validationResults: ValidationResult[],
  storedMeanwhile: ReadonlyMap<string, StoredPosition>,
): void {
  if (storedMeanwhile.size === 0) return;
  reports.forEach((report, index) => {
    if (validationResults[index]?.verdict !== 'stored' || !storedMeanwhile.has(positionKey(report))) return;
    validationResults[index] = isAtOtherPlace(storedMeanwhile, report)
      ? { verdict: 'quarantined', code: 'time_conflict' }
      : { verdict: 'duplicate' };
  });
}

function isAtOtherPlace(
  storedMeanwhile: ReadonlyMap<string, StoredPosition>,
  position: StoredPosition,
): boolean {
  const other = storedMeanwhile.get(positionKey(position));
  return other !== undefined && !isSamePlace(other, position);
}

function heldCode(codes: HeldCodes, report: Position): QuarantineCode | null {
  return codes.size === 0 ? null : (codes.get(quarantineId(report).toString('hex')) ?? null);
}

function byVehicle(reports: readonly Position[]): { vehicleId: string; indexes: number[] }[] {
  const groups = new Map<string, number[]>();
  reports.forEach(({ vehicleId }, index) => {
    const indexes = groups.get(vehicleId);
    if (indexes) indexes.push(index);
    else groups.set(vehicleId, [index]);
  });
  return [...groups].map(([vehicleId, indexes]) => ({ vehicleId, indexes }));
}
