export { runImages } from './images/run-images.js';
export { runInit } from './run-init.js';
export { runSchema } from './run-schema.js';
