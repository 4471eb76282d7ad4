export { CrashMirror } from './crash-mirror.js';
export { CursorsRepository } from './cursors.repository.js';
export { nextAverageKmh, oldSpeedKmh } from './old-speed.js';
export { AmbulanceDirectory } from './ambulance-directory.js';
export { LegacyCollectionsModule } from './legacy-collections.module.js';
export type { Snapshot } from './old-snapshot.js';
export { PictureMirror } from './picture-mirror.js';
