export { HealthModule } from './health.module.js';
export { startWatchdog } from './watchdog.js';
