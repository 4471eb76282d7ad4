export { preflightCommand } from './preflight.command.js';
