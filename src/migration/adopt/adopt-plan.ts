import { nameKey, type Vehicle } from '../../vehicles/index.js';
import {
  type AdoptedVehicle,
  disambiguate,
  isDeleted,
  isReadableBoxCode,
  type OldAmbulance,
  type TypeMap,
  vehicleOf,
} from './old-ambulance.js';

/** Each ambulance as it was at its last adoption, by id. */
export type Adoptions = ReadonlyMap<string, AdoptedVehicle>;

const FIELDS = ['callSign', 'registration', 'type', 'boxCode', 'status'] as const;

type VehicleFields = Partial<AdoptedVehicle>;

export type AdoptionStep =
  | { readonly kind: 'add'; readonly id: string; readonly vehicle: AdoptedVehicle }
  | {
      readonly kind: 'alter';
      readonly id: string;
      readonly changes: VehicleFields;
      readonly vehicle: AdoptedVehicle;
    }
  | { readonly kind: 'archive'; readonly id: string; readonly callSign: string };

/** A difference that an operator must solve. The run leaves it as it is and applies all other steps. */
export interface AdoptionConflict {
  readonly ambulance: string;
  readonly reason: string;
}

export interface AdoptionPlan {
  readonly steps: readonly AdoptionStep[];
  readonly conflicts: readonly AdoptionConflict[];
  /** Vehicles that need no change; only the record of their adoption is written. */
  readonly noted: readonly { readonly id: string; readonly vehicle: AdoptedVehicle }[];
  /** Number of adopted ambulances without a change. */
  readonly unchanged: number;
  /** Number of ambulances that are deleted in the old system and need no step. */
  readonly deleted: number;
  /** Ambulances that are deleted in the old system and whose boxes still report: vehicles out of service. */
  readonly stillReporting: readonly { readonly ambulance: string; readonly at: Date }[];
  /** Box codes that the lists of the operators' API cannot read. */
  readonly unreadableBoxCodes: readonly { readonly ambulance: string; readonly code: string }[];
  /** Call signs and registrations that another vehicle has already, with the name used instead. */
  readonly renamed: readonly { readonly ambulance: string; readonly from: string; readonly to: string }[];
}

export interface AdoptionFacts {
  readonly ambulances: readonly OldAmbulance[];
  /** Including archived ones. */
  readonly vehicles: readonly Vehicle[];
  readonly adoptions: Adoptions;
  readonly types: TypeMap;
  /** Ambulance id → its newest position in the old collections. */
  readonly lastReports: ReadonlyMap<string, Date>;
  readonly now: Date;
}

/** A box that was silent for as long does not report any more. */
const SILENT_AFTER_MS = 86_400_000;

/**
 * The steps after which every ambulance that is not deleted is a vehicle with the same id. A deleted one whose box still
 * reports is a vehicle too: the old server accepted it, and a box that is refused restarts again and again. Pure.
 */
export function planAdoption(facts: AdoptionFacts): AdoptionPlan {
  const { ambulances, vehicles, adoptions, types } = facts;
  const byId = new Map(vehicles.map((vehicle) => [vehicle.id, vehicle]));
  const names = new NameRegistry(vehicles, new Set(ambulances.flatMap(({ id }) => id ?? [])));
  const steps: AdoptionStep[] = [];
  const conflicts: AdoptionConflict[] = [];
  const renamed: { ambulance: string; from: string; to: string }[] = [];
  const noted: { id: string; vehicle: AdoptedVehicle }[] = [];
  const stillReporting: { ambulance: string; at: Date }[] = [];
  const unreadableBoxCodes: { ambulance: string; code: string }[] = [];
  let [unchanged, deleted] = [0, 0];

  for (const ambulance of ambulances) {
    const { id, displayId } = ambulance;
    const addConflict = (reason: string): void => void conflicts.push({ ambulance: displayId, reason });
    if (id === null) {
      addConflict('its _id is no ObjectId, so the old rooms and collections could not name the vehicle');
      continue;
    }
    const vehicle = byId.get(id);
    // An operator who archives the vehicle refuses its box.
    const reportedAt = isDeleted(ambulance) && !vehicle?.archivedAt ? reportOf(id, facts) : null;
    if (reportedAt) stillReporting.push({ ambulance: displayId, at: reportedAt });
    else if (isDeleted(ambulance)) {
      if (vehicle && !vehicle.archivedAt) steps.push({ kind: 'archive', id, callSign: vehicle.callSign });
      else deleted += 1;
      continue;
    }
    const wanted = vehicleOf(ambulance, types);
    if (!wanted) {
      addConflict('it has neither a name nor a number nor a box code');
    } else if (vehicle?.archivedAt) {
      addConflict(`${vehicle.callSign} was archived here; it can come back only as a new vehicle`);
    } else {
      const { boxCode } = wanted;
      if (boxCode !== null && !isReadableBoxCode(boxCode))
        unreadableBoxCodes.push({ ambulance: displayId, code: boxCode });
      const owner = names.findBoxCodeOwner(wanted.boxCode, id);
      if (owner) {
        addConflict(`box code ${wanted.boxCode} is that of vehicle ${owner.callSign} (${owner.id}) already`);
        continue;
      }
      const named = names.take(wanted, id);
      for (const [from, to] of named.renamed) renamed.push({ ambulance: displayId, from, to });
      if (!vehicle) steps.push({ kind: 'add', id, vehicle: named.vehicle });
      else {
        const changes = changesOf(named.vehicle, adoptions.get(id), vehicle);
        if (Object.keys(changes).length === 0) {
          unchanged += 1;
          if (!isSame(named.vehicle, adoptions.get(id))) noted.push({ id, vehicle: named.vehicle });
        } else steps.push({ kind: 'alter', id, changes, vehicle: named.vehicle });
      }
    }
  }
  const present = new Set(ambulances.map(({ id }) => id));
  for (const [id, { callSign }] of adoptions) {
    const isHere = byId.get(id)?.archivedAt === null;
    // An empty collection must not take a fleet out of service: an operator decides.
    if (!present.has(id) && isHere)
      conflicts.push({
        ambulance: id,
        reason: `${callSign} is not in ambulances any more; it stays in service`,
      });
  }
  // Archived vehicles release their names, so they come first.
  steps.sort((one, other) => Number(other.kind === 'archive') - Number(one.kind === 'archive'));
  return { steps, noted, conflicts, unchanged, deleted, stillReporting, unreadableBoxCodes, renamed };
}

/** The newest position of the ambulance; null when its box does not report any more. */
function reportOf(id: string, { lastReports, now }: AdoptionFacts): Date | null {
  const at = lastReports.get(id);
  return at && now.getTime() - at.getTime() < SILENT_AFTER_MS ? at : null;
}

/** The fields that other programs have changed since the last adoption and that differ here. Changes by dispatchers stay. */
function changesOf(now: AdoptedVehicle, before: AdoptedVehicle | undefined, vehicle: Vehicle): VehicleFields {
  const here: AdoptedVehicle = { ...vehicle, status: vehicle.lastStatus.status };
  const changed = FIELDS.filter((field) => now[field] !== before?.[field] && now[field] !== here[field]);
  return Object.fromEntries(changed.map((field) => [field, now[field]]));
}

function isSame(one: AdoptedVehicle, other: AdoptedVehicle | undefined): boolean {
  return other !== undefined && FIELDS.every((field) => one[field] === other[field]);
}

/** Makes call signs and registrations unique: the old system did not require it. */
class NameRegistry {
  private readonly owners = { callSign: new Map<string, string>(), registration: new Map<string, string>() };
  private readonly codes = new Map<string, Pick<Vehicle, 'id' | 'callSign'>>();

  /** @param adopted ids of vehicles whose names are assigned again, in the order of the ambulances */
  constructor(vehicles: readonly Vehicle[], adopted: ReadonlySet<string>) {
    for (const { id, callSign, registration, boxCode, archivedAt } of vehicles) {
      if (archivedAt) continue;
      if (boxCode !== null) this.codes.set(boxCode, { id, callSign });
      if (adopted.has(id)) continue;
      this.owners.callSign.set(nameKey(callSign), id);
      this.owners.registration.set(nameKey(registration), id);
    }
  }

  /** Another vehicle with this box code, or null. */
  findBoxCodeOwner(code: string | null, id: string): Pick<Vehicle, 'id' | 'callSign'> | null {
    const owner = code === null ? undefined : this.codes.get(code);
    return owner && owner.id !== id ? owner : null;
  }

  take(
    vehicle: AdoptedVehicle,
    id: string,
  ): { vehicle: AdoptedVehicle; renamed: (readonly [from: string, to: string])[] } {
    const mark = vehicle.boxCode ?? id.slice(-6);
    const callSign = this.free('callSign', vehicle.callSign, mark, id);
    const registration = this.free('registration', vehicle.registration, mark, id);
    if (vehicle.boxCode !== null) this.codes.set(vehicle.boxCode, { id, callSign });
    const renamed = [
      [vehicle.callSign, callSign],
      [vehicle.registration, registration],
    ] as const;
    return {
      vehicle: { ...vehicle, callSign, registration },
      renamed: renamed.filter(([from, to]) => from !== to),
    };
  }

  private free(kind: 'callSign' | 'registration', name: string, mark: string, id: string): string {
    const owners = this.owners[kind];
    const tries = [name, disambiguate(name, mark, kind === 'registration'), id.slice(-REGISTRATION_TAIL)];
    const free = tries.find((each) => !owners.has(nameKey(each))) ?? id.slice(-REGISTRATION_TAIL);
    owners.set(nameKey(free), id);
    return free;
  }
}

/** The end of the id, which is unique, as long as a registration may be. */
const REGISTRATION_TAIL = 20;
