export { frontDoorCommand } from './front-door.command.js';
export { applyPlan, recordedPlan, removeFrontDoor, summary } from './front-door-actions.js';
export { fileError, FrontDoorFiles } from './front-door-files.js';
export { assertPlan, blueOnly, DEFAULT_PLAN, type FrontDoorPlan, type Share } from './front-door-plan.js';
export { NginxControl } from './nginx-control.js';
export { nginxInclude } from './nginx-include.js';
export { acceptsAt } from './redirect.js';
export { bypassRules, HOLD_RULES } from './redirect-rules.js';
export { programRunner, type RunProgram } from './run-program.js';
