export { imagesCommand } from './images.command.js';
