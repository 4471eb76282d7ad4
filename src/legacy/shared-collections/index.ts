export { CrashMirror } from './crash-mirror.js';
export { CursorsRepository } from './cursors.repository.js';
export { nextAverageKmh, roundedUpKmh } from './average-speed.js';
export { AmbulanceDirectory } from './ambulance-directory.js';
export { SharedCollectionsModule } from './shared-collections.module.js';
export type { Snapshot } from './legacy-snapshot.js';
export { PictureMirror } from './picture-mirror.js';
