export { completeMove } from './complete-move.js';
export { completePlan, undoComplete } from './run-complete.js';
export {
  addOldServerOptions,
  completeContext,
  type CompleteOptions,
  type OldServerOptions,
} from './complete-options.js';
export { decommissionCommand } from './decommission.command.js';
