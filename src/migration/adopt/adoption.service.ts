import { Injectable } from '@nestjs/common';
import { Clock, DomainError } from '../../core/index.js';
import { type Actor, VehicleArchivalService, VehiclesService } from '../../vehicles/index.js';
import { type AdoptionConflict, type AdoptionPlan, type AdoptionStep, planAdoption } from './adopt-plan.js';
import { AdoptionsRepository } from './adoptions.repository.js';
import type { TypeMap } from './old-ambulance.js';
import { OldCollectionsRepository } from './old-collections.repository.js';

/** The author of every change: a command has no user account. */
const COMMAND_ACTOR: Actor = { kind: 'user', id: '0'.repeat(24) };

/** The result of one run. */
export interface Adoption {
  readonly plan: AdoptionPlan;
  readonly done: readonly AdoptionStep[];
  /** Conflicts of the plan, and steps that failed, e.g. because the name was taken in the meantime. */
  readonly conflicts: readonly AdoptionConflict[];
}

/** Compares the ambulances of the old server with the vehicles and applies the differences to the vehicles. */
@Injectable()
export class AdoptionService {
  constructor(
    private readonly old: OldCollectionsRepository,
    private readonly vehicles: VehiclesService,
    private readonly archival: VehicleArchivalService,
    private readonly adoptions: AdoptionsRepository,
    private readonly clock: Clock,
  ) {}

  /** @param types the vehicle type for each `type_id` */
  async plan(types: TypeMap): Promise<AdoptionPlan> {
    return planAdoption({
      ambulances: await this.old.listAmbulances(),
      vehicles: await this.vehicles.listIncludingArchived(),
      adoptions: await this.adoptions.list(),
      types,
      lastReports: await this.old.listLastReports(),
      now: new Date(this.clock.nowMs()),
    });
  }

  /**
   * Applies the plan. The next run completes a run that was interrupted, because its plan has only the missing steps.
   * @throws errors of an outage, and the reason of `signal`
   */
  async adopt(types: TypeMap, signal: AbortSignal): Promise<Adoption> {
    return this.apply(await this.plan(types), signal);
  }

  private async apply(plan: AdoptionPlan, signal: AbortSignal): Promise<Adoption> {
    const done: AdoptionStep[] = [];
    const conflicts: AdoptionConflict[] = [...plan.conflicts];
    for (const step of plan.steps) {
      signal.throwIfAborted();
      try {
        await this.applyStep(step);
        done.push(step);
      } catch (error) {
        // An outage is no conflict: it ends the run.
        if (!(error instanceof DomainError) || error.kind === 'unavailable') throw error;
        conflicts.push({ ambulance: step.id, reason: `${step.kind}: ${error.message} (${error.code})` });
      }
    }
    for (const { id, vehicle } of plan.noted) await this.adoptions.keep(id, vehicle);
    return { plan, done, conflicts };
  }

  /**
   * Applies what the boxes of an ambulance need, without a mapping of types: new ambulances, whose type is `other` until a
   * run of the command, and changed box codes.
   * @throws errors of an outage, and the reason of `signal`
   */
  async adoptBoxes(signal: AbortSignal): Promise<Adoption> {
    const plan = await this.plan(new Map());
    const known = await this.adoptions.list();
    const steps = plan.steps.flatMap((step): AdoptionStep[] => {
      if (step.kind === 'add') return [step];
      const { boxCode } = step.kind === 'alter' ? step.changes : {};
      const before = known.get(step.id);
      if (step.kind !== 'alter' || boxCode === undefined || !before) return [];
      return [{ ...step, changes: { boxCode }, vehicle: { ...before, boxCode } }];
    });
    return this.apply({ ...plan, steps, noted: [] }, signal);
  }

  private async applyStep(step: AdoptionStep): Promise<void> {
    switch (step.kind) {
      case 'add':
        await this.vehicles.create(step.vehicle, COMMAND_ACTOR, step.id);
        return this.adoptions.keep(step.id, step.vehicle);
      case 'alter':
        await this.vehicles.alter(step.id, step.changes, COMMAND_ACTOR);
        return this.adoptions.keep(step.id, step.vehicle);
      case 'archive':
        return this.archival.archive(step.id);
    }
  }
}
