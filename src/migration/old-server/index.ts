export { connectionsOf, portsInUse, processesOf } from './old-machine.js';
export { type Pm2Address, Pm2Control } from './pm2-control.js';
export type { SavedEntry } from './saved-list.js';
