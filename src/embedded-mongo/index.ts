export { type ServedMongo, serveEmbeddedMongo } from './serve.js';
export { type EmbeddedMongo, startEmbeddedMongo } from './start.js';
export { DirectoryInUseError } from './directory-lock.js';
