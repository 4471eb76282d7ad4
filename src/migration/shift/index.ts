export { shiftCommand } from './shift.command.js';
