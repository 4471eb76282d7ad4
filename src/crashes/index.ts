export type { Crash } from './crash.js';
export { type CrashDto, toCrashDto } from './crash.dto.js';
export { CrashesModule } from './crashes.module.js';
export { CrashesService } from './crashes.service.js';
