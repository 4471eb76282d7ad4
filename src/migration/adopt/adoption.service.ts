import { DomainError } from '../../core/index.js';
import type { VehicleRegister } from '../../vehicles/index.js';
import { type AdoptionConflict, type AdoptionPlan, type AdoptionStep, planAdoption } from './adopt-plan.js';
import type { AdoptionsRepository } from './adoptions.repository.js';
import type { TypeMap } from './old-ambulance.js';
import type { OldCollectionsRepository } from './old-collections.repository.js';

/** What became of a plan. */
export interface Adoption {
  readonly plan: AdoptionPlan;
  readonly done: readonly AdoptionStep[];
  /** Those of the plan, and steps that were refused: by a name that somebody took meanwhile, say. */
  readonly conflicts: readonly AdoptionConflict[];
}

/** Looks at both sides and brings ours up to theirs. */
export class AdoptionService {
  constructor(
    private readonly old: Pick<OldCollectionsRepository, 'listAmbulances'>,
    private readonly register: Pick<VehicleRegister, 'list' | 'add' | 'alter' | 'archive'>,
    private readonly adoptions: Pick<AdoptionsRepository, 'list' | 'keep'>,
    private readonly types: TypeMap,
  ) {}

  async plan(): Promise<AdoptionPlan> {
    return planAdoption({
      ambulances: await this.old.listAmbulances(),
      vehicles: await this.register.list(),
      adoptions: await this.adoptions.list(),
      types: this.types,
    });
  }

  /** One that is cut short is completed by the next: what is there already is no step of its plan any more. */
  async adopt(signal: AbortSignal): Promise<Adoption> {
    const plan = await this.plan();
    const done: AdoptionStep[] = [];
    const conflicts: AdoptionConflict[] = [...plan.conflicts];
    for (const step of plan.steps) {
      signal.throwIfAborted();
      try {
        await this.applyStep(step);
        done.push(step);
      } catch (error) {
        // An outage is no conflict: the whole run has failed.
        if (!(error instanceof DomainError) || error.kind === 'unavailable') throw error;
        conflicts.push({ ambulance: step.id, reason: `${step.kind}: ${error.message} (${error.code})` });
      }
    }
    for (const { id, vehicle } of plan.noted) await this.adoptions.keep(id, vehicle);
    return { plan, done, conflicts };
  }

  private async applyStep(step: AdoptionStep): Promise<void> {
    switch (step.kind) {
      case 'add':
        await this.register.add(step.id, step.vehicle);
        return this.adoptions.keep(step.id, step.vehicle);
      case 'alter':
        await this.register.alter(step.id, step.changes);
        return this.adoptions.keep(step.id, step.vehicle);
      case 'archive':
        return this.register.archive(step.id);
    }
  }
}
