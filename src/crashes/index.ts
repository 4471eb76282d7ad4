export { type Crash, type CrashReport, type CrashView, toCrashView } from './crash.js';
export { CrashesModule } from './crashes.module.js';
export { CrashesService } from './crashes.service.js';
