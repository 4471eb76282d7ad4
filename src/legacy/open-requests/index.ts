export { OpenRequestsModule } from './open-requests.module.js';
export {
  type OpenRequest,
  OpenRequestsService,
  type TravelTimeSource,
  type VehiclePosition,
} from './open-requests.service.js';
