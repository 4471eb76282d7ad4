import type { CommandEntry } from './core/commands/index.js';

/** Every command of `samserver`. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'db',
    summary: 'run the embedded evaluation database alone',
    load: async () => (await import('./db.command.js')).dbCommand,
  },
  {
    name: 'replay',
    summary: 'play recorded tracks, or simulate ambulances, through device sockets',
    load: async () => (await import('./tools/replay/index.js')).replayCommand,
  },
  {
    name: 'watch',
    summary: 'show the live stream as a table that updates in place',
    load: async () => (await import('./tools/watch/index.js')).watchCommand,
  },
  {
    name: 'load',
    summary:
      'load the servers with boxes, devices, panels and watchers, and look for every post in the stores',
    load: async () => (await import('./migration/load/index.js')).loadCommand,
  },
  {
    name: 'compare',
    summary: 'compare what the old server and Samserver have stored, show and answer',
    load: async () => (await import('./migration/compare/index.js')).compareCommand,
  },
  {
    name: 'preflight',
    summary: 'look at the old server and this machine, and report whether the move may start',
    load: async () => (await import('./migration/index.js')).preflightCommand,
  },
  {
    name: 'adopt',
    summary: 'create vehicles from the ambulances of the old server',
    load: async () => (await import('./migration/index.js')).adoptCommand,
  },
  {
    name: 'images',
    summary: 'adopt, list, verify, back up and restore the image files',
    load: async () => (await import('./migration/images/index.js')).imagesCommand,
  },
  {
    name: 'front-door',
    summary: 'share clients between the old server and Samserver in nginx',
    load: async () => (await import('./migration/front-door/index.js')).frontDoorCommand,
  },
  {
    name: 'shift',
    summary: 'move the clients of the old server to Samserver, phase by phase, and back',
    load: async () => (await import('./migration/shift/index.js')).shiftCommand,
  },
  {
    name: 'decommission',
    summary: 'take the old server out of PM2 after the move is done',
    load: async () => (await import('./migration/complete/index.js')).decommissionCommand,
  },
  {
    name: 'init',
    summary: 'write the deployment id into the database and the image volume',
    load: async () => (await import('./migration/index.js')).initCommand,
  },
  {
    name: 'backup',
    summary: 'make, list, verify, restore, rehearse and prune backups of the database',
    load: async () => (await import('./migration/index.js')).backupCommand,
  },
  {
    name: 'schema',
    summary: 'show and migrate the schema of the database',
    load: async () => (await import('./migration/index.js')).schemaCommand,
  },
  {
    name: 'legacy',
    summary: 'show which boxes and panels still use the interfaces of the old server',
    load: async () => (await import('./migration/index.js')).legacyCommand,
  },
];
