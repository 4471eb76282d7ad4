export { watchCommand } from './watch.command.js';
