export { OpenRequestsModule } from './open-requests.module.js';
export {
  type OpenRequest,
  OpenRequests,
  type TimeLeftWay,
  type VehiclePlace,
} from './open-requests.service.js';
