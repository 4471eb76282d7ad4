export { imagesCommand } from './images.command.js';
export { ManifestFiles } from './manifest-files.js';
