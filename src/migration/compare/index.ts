export { compareCommand } from './compare.command.js';
