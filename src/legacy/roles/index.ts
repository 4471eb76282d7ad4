/** The role in storage, for a tool that acts while no instance runs. */
export { changedRole } from './legacy-role.js';
export { LegacyMoveRepository } from './legacy-move.repository.js';
