export { loadCommand } from './load.command.js';
