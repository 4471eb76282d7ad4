import type { AdoptionConflict, AdoptionPlan, AdoptionStep } from './adopt-plan.js';
import type { HistoryStatistics } from './old-collections.repository.js';

const VERBS = {
  planned: { add: 'would adopt', alter: 'would change', archive: 'would archive' },
  done: { add: 'adopted', alter: 'changed', archive: 'archived' },
} as const;

/** A step as a person reads it. */
export function stepLine(step: AdoptionStep, tense: keyof typeof VERBS): string {
  const verb = VERBS[tense][step.kind];
  switch (step.kind) {
    case 'add': {
      const { callSign, registration, type, status, boxCode } = step.vehicle;
      const box = boxCode === null ? 'no box' : `box ${boxCode}`;
      return `${verb} ${step.id}: ${callSign}, ${registration}, ${type}, ${status}, ${box}`;
    }
    case 'alter': {
      const changes = Object.entries(step.changes).map(([field, value]) => `${field} ${value ?? 'none'}`);
      return `${verb} ${step.id} (${step.vehicle.callSign}): ${changes.join(', ')}`;
    }
    case 'archive':
      return `${verb} ${step.id} (${step.callSign}): deleted in the old system`;
  }
}

export function conflictLine({ ambulance, reason }: AdoptionConflict): string {
  return `to be looked at: ambulance ${ambulance}: ${reason}`;
}

export function planLines({ renamed, unchanged, deleted }: AdoptionPlan): string[] {
  return [
    ...renamed.map(
      ({ ambulance, from, to }) => `name taken: ambulance ${ambulance}: "${from}" becomes "${to}"`,
    ),
    `${unchanged} unchanged, ${deleted} deleted in the old system and not adopted`,
  ];
}

/** Plainly: nobody is to find out a year later. */
export function historyLines({ documents, lookedInto, withPlace }: HistoryStatistics): string[] {
  if (documents === 0) return ['old history: none'];
  const worth =
    withPlace === 0
      ? 'times and speeds, no places: the old server stored 0,0 in every one. It cannot be adopted as tracks'
      : `${withPlace} of the oldest ${lookedInto} have a place; those that the old server wrote have none. It is not adopted`;
  return [`old history: about ${documents} documents, ${worth}`];
}
