export { LastPositions } from './last-positions.js';
export { StateStatusDto } from './status.dto.js';
export { type Actor, actorOf } from './status-change.js';
export { UNIT_STATUSES, type UnitStatus } from './status-change.js';
export type { VehicleChange } from './vehicle-changes.js';
export { type StatusAnswer, VehicleStatusService } from './vehicle-status.service.js';
export { otherVehicle } from './vehicle.errors.js';
export { VehicleDto } from './vehicle.dto.js';
export {
  type NewVehicle,
  type Vehicle,
  VEHICLE_TYPES,
  type VehicleType,
  type VehicleView,
} from './vehicle.js';
export type { VehicleStatuses } from './vehicle-lists.js';
export { nameKey } from './vehicle-name.js';
export { VehicleArchivalService } from './vehicle-archival.service.js';
export { VehicleServicesModule } from './vehicle-services.module.js';
export { VehiclesModule } from './vehicles.module.js';
export { VehiclesService } from './vehicles.service.js';
