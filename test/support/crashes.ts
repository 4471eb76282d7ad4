import { type Crash, CrashesService } from '../../src/crashes/index.js';
import type { Instance } from './test-service.js';

/** Records a crash report as the routes of the boxes do. */
export async function recordCrash({ service }: Instance, report: Omit<Crash, 'id'>): Promise<Crash> {
  const crashes = service.app.get(CrashesService);
  const crash = crashes.identify(report);
  await crashes.record(crash);
  return crash;
}
