export {
  addServiceOptions,
  findAdminLogin,
  type ServiceOptions,
  withServiceErrors,
} from './service-options.js';
