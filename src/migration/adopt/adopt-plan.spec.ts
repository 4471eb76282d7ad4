import { describe, expect, it } from '@jest/globals';
import type { Vehicle } from '../../vehicles/index.js';
import { type AdoptionFacts, planAdoption } from './adopt-plan.js';
import type { AdoptedVehicle, OldAmbulance } from './old-ambulance.js';

const id = (n: number): string => n.toString(16).padStart(24, '0');
const ambulance = (n: number, fields: Record<string, unknown> = {}): OldAmbulance => ({
  id: id(n),
  displayId: id(n),
  fields: {
    name1: `Unit ${n}`,
    name2: `Second ${n}`,
    number: `1AB-${n}`,
    ambulance_box_code: String(290 + n),
    isactive: true,
    isdeleted: false,
    ...fields,
  },
});
const adopted = (n: number, more: Partial<AdoptedVehicle> = {}): AdoptedVehicle => ({
  callSign: `Unit ${n}`,
  registration: `1AB-${n}`,
  type: 'other',
  status: 'available',
  boxCode: String(290 + n),
  ...more,
});
const vehicle = (
  n: number,
  { status, ...more }: Partial<AdoptedVehicle> = {},
  rest: Partial<Vehicle> = {},
): Vehicle => {
  const at = new Date(0);
  const { status: usual, ...fields } = adopted(n, more);
  const lastStatus = {
    vehicleId: id(n),
    status: status ?? usual,
    at,
    recordedAt: at,
    by: { kind: 'user', id: id(0) } as const,
  };
  return {
    id: id(n),
    ...fields,
    lastStatus,
    createdAt: at,
    updatedAt: at,
    archivedAt: null,
    clockBehindSince: null,
    version: 1,
    ...rest,
  };
};
const NOW = new Date('2026-11-30T10:00:00Z');
const NOTHING = {
  ambulances: [],
  vehicles: [],
  adoptions: new Map(),
  types: new Map(),
  lastReports: new Map(),
};
const plan = (facts: Partial<AdoptionFacts>) => planAdoption({ ...NOTHING, now: NOW, ...facts });

describe('planAdoption', () => {
  it('makes each ambulance a vehicle under its own id', () => {
    const types = new Map([['7', 'als']] as const);
    const { steps, conflicts } = plan({
      ambulances: [ambulance(1, { type_id: 7 }), ambulance(2, { isactive: false, type_id: 8 })],
      types,
    });
    expect(conflicts).toEqual([]);
    expect(steps).toEqual([
      { kind: 'add', id: id(1), vehicle: adopted(1, { type: 'als' }) },
      { kind: 'add', id: id(2), vehicle: adopted(2, { status: 'out_of_service' }) },
    ]);
  });

  it('finds the vehicle type by a type_id in the form that documents contain', () => {
    const type_id = { toHexString: () => 'abc' };
    const { steps } = plan({ ambulances: [ambulance(1, { type_id })], types: new Map([['abc', 'micu']]) });
    expect(steps).toMatchObject([{ vehicle: { type: 'micu' } }]);
  });

  it.each<[string, Record<string, unknown>, Partial<AdoptedVehicle>]>([
    ['no first name', { name1: ' ' }, { callSign: 'Second 1' }],
    ['no name', { name1: null, name2: undefined }, { callSign: '1AB-1' }],
    ['no number', { number: undefined }, { registration: '291' }],
    ['no box', { ambulance_box_code: undefined }, { boxCode: null }],
    ['a number as its box code', { ambulance_box_code: 291 }, { boxCode: '291' }],
    ['a name over two lines', { name1: ' Unit\r\n1\u200b ' }, { callSign: 'Unit 1' }],
    ['a name that is too long', { name1: '😀'.repeat(30) }, { callSign: '😀'.repeat(20) }],
    ['a number that is too long', { number: 'x'.repeat(30) }, { registration: 'x'.repeat(20) }],
  ])('adopts an ambulance with %s', (_, fields, expected) => {
    expect(plan({ ambulances: [ambulance(1, fields)] }).steps).toMatchObject([
      { kind: 'add', vehicle: expected },
    ]);
  });

  it('gives the second of two equal names another name, and reports it', () => {
    const { steps, renamed } = plan({
      ambulances: [
        ambulance(1),
        ambulance(2, { name1: 'unit 1', number: 'x'.repeat(20) }),
        ambulance(3, { number: 'x'.repeat(20) }),
      ],
    });
    expect(steps).toMatchObject([
      { vehicle: { callSign: 'Unit 1' } },
      { vehicle: { callSign: 'unit 1 (292)', registration: 'x'.repeat(20) } },
      { vehicle: { callSign: 'Unit 3', registration: `${'x'.repeat(14)} (293)` } },
    ]);
    expect(renamed.map(({ to }) => to)).toEqual(['unit 1 (292)', `${'x'.repeat(14)} (293)`]);
  });

  it('plans no step in the second run', () => {
    const { steps, unchanged, noted } = plan({
      ambulances: [ambulance(1), ambulance(2)],
      vehicles: [vehicle(1), vehicle(2)],
      adoptions: new Map([[id(1), adopted(1)]]),
    });
    // The run that adopted the second one ended before it wrote the adoption record.
    expect([steps, unchanged, noted]).toEqual([[], 2, [{ id: id(2), vehicle: adopted(2) }]]);
  });

  it('applies changes of other programs and keeps changes made here', () => {
    const { steps } = plan({
      ambulances: [ambulance(1, { name1: 'New name', isactive: false })],
      vehicles: [vehicle(1, { registration: 'changed here', type: 'als', status: 'on_scene' })],
      adoptions: new Map([[id(1), adopted(1)]]),
    });
    expect(steps).toEqual([
      {
        kind: 'alter',
        id: id(1),
        changes: { callSign: 'New name', status: 'out_of_service' },
        vehicle: adopted(1, { callSign: 'New name', status: 'out_of_service' }),
      },
    ]);
  });

  it('archives vehicles of deleted ambulances first, which frees their names, and adopts no deleted ambulance', () => {
    const { steps, deleted } = plan({
      ambulances: [
        ambulance(1, { name1: 'Unit 2' }),
        ambulance(2, { isdeleted: true }),
        ambulance(3, { isdeleted: 1 }),
      ],
      vehicles: [vehicle(2)],
      adoptions: new Map([[id(2), adopted(2)]]),
    });
    expect(steps).toMatchObject([
      { kind: 'archive', id: id(2), callSign: 'Unit 2' },
      { kind: 'add', id: id(1), vehicle: { callSign: 'Unit 2' } },
    ]);
    expect(deleted).toBe(1);
  });

  it.each([[0], [1], [true], ['0']])('takes `isactive` %p like the operators’ API', (isactive) => {
    const isActive = isactive === 1 || isactive === true;
    const status = isActive ? 'available' : 'out_of_service';
    expect(plan({ ambulances: [ambulance(1, { isactive })] }).steps).toMatchObject([{ vehicle: { status } }]);
  });

  it('makes a vehicle out of service of a deleted ambulance whose box still reports', () => {
    const ambulances = [ambulance(1, { isdeleted: true }), ambulance(2, { isdeleted: true })];
    const hoursAgo = (hours: number) => new Date(NOW.getTime() - hours * 3_600_000);
    const lastReports = new Map([
      [id(1), hoursAgo(1)],
      [id(2), hoursAgo(25)],
    ]);
    const first = plan({ ambulances, lastReports });
    expect(first.steps).toEqual([
      { kind: 'add', id: id(1), vehicle: adopted(1, { status: 'out_of_service' }) },
    ]);
    expect(first).toMatchObject({ deleted: 1, stillReporting: [{ ambulance: id(1), at: hoursAgo(1) }] });
    // Archived here by an operator, who refuses the box.
    const archived = [vehicle(1, {}, { archivedAt: NOW })];
    expect(plan({ ambulances, vehicles: archived, lastReports })).toMatchObject({
      steps: [],
      conflicts: [],
      deleted: 2,
    });
    // Deleted while it was in service, and then silent.
    const known = { ambulances, vehicles: [vehicle(1)], adoptions: new Map([[id(1), adopted(1)]]) };
    expect(plan({ ...known, lastReports }).steps).toMatchObject([
      { kind: 'alter', changes: { status: 'out_of_service' } },
    ]);
    expect(plan({ ...known, lastReports: new Map([[id(1), hoursAgo(25)]]) }).steps).toMatchObject([
      { kind: 'archive', id: id(1) },
    ]);
  });

  it.each([
    ['291', true],
    [291, true],
    ['0291', true],
    ['B-1', false],
    ['29.5', false],
    ['4294967296', false],
  ])('says of the box code %p whether the operators’ API can read it', (code, isReadable) => {
    const { unreadableBoxCodes, conflicts } = plan({
      ambulances: [ambulance(1, { ambulance_box_code: code })],
    });
    expect(unreadableBoxCodes).toEqual(isReadable ? [] : [{ ambulance: id(1), code }]);
    expect(conflicts).toEqual([]);
  });

  it.each<[string, Partial<AdoptionFacts>, string]>([
    [
      'a box code that another vehicle has',
      { ambulances: [ambulance(1)], vehicles: [vehicle(9, { boxCode: '291' })] },
      `box code 291 is that of vehicle Unit 9 (${id(9)}) already`,
    ],
    [
      'a box code that two ambulances have',
      { ambulances: [ambulance(1), ambulance(2, { ambulance_box_code: '291' })] },
      `box code 291 is that of vehicle Unit 1 (${id(1)}) already`,
    ],
    ['an id of another kind', { ambulances: [{ ...ambulance(1), id: null }] }, 'its _id is no ObjectId'],
    [
      'one without a name, a number and a box code',
      { ambulances: [ambulance(1, { name1: '', name2: '', number: '', ambulance_box_code: '' })] },
      'neither a name',
    ],
    [
      'one that was archived here',
      { ambulances: [ambulance(1)], vehicles: [vehicle(1, {}, { archivedAt: new Date(0) })] },
      'Unit 1 was archived here',
    ],
    [
      'one that is missing, and never archives it',
      { vehicles: [vehicle(1)], adoptions: new Map([[id(1), adopted(1)]]) },
      'Unit 1 is not in ambulances any more; it stays in service',
    ],
  ])('names %s', (_, facts, reason) => {
    const { conflicts, steps } = plan(facts);
    expect(conflicts.map((each) => each.reason)).toEqual([expect.stringContaining(reason)]);
    expect(steps.filter(({ kind }) => kind !== 'add')).toEqual([]);
  });
});
