export { InstanceService, type InstanceState } from './instance.service.js';
export { ReleaseModule } from './release.module.js';
