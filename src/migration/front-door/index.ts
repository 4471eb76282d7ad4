export { frontDoorCommand } from './front-door.command.js';
