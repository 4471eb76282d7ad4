// The volume without Nest and the database driver: hashing a million files must not load them.
export { replaceDurably, syncDirectory } from './durable-files.js';
export { type FileOutcome, FileWorkerPool } from './file-worker-pool.js';
export { MARKER_FILE, UPLOADS_DIRECTORY, WORK_DIRECTORY } from './volume-layout.js';
export { readMarker, writeMarker } from './volume-marker.js';
export { writeVerification } from './volume-verification.js';
