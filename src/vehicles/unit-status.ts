/** Append only: a place in this list is part of what is stored (see `statusChangeId`). */
export const UNIT_STATUSES = [
  'available',
  'dispatched',
  'on_scene',
  'transporting',
  'at_hospital',
  'out_of_service',
] as const;
export type UnitStatus = (typeof UNIT_STATUSES)[number];
