interface CheckDefinition {
  readonly area: 'Old server' | 'Traffic' | 'Settings' | 'This machine' | 'Database and Redis' | 'Front';
  readonly title: string;
  /** The next phase may not start while this check has no result. */
  readonly isRequired: boolean;
  /** Why it matters, for the report. */
  readonly why: string;
}

/** Every check, in the order of the report. A check of this table that gave no result counts as not checked. */
export const CHECKS = {
  'old.source': {
    area: 'Old server',
    title: 'Process list',
    isRequired: true,
    why: 'Every other finding about the old server comes from this list.',
  },
  'old.process': {
    area: 'Old server',
    title: 'Process',
    isRequired: true,
    why: 'The old server carries the operation until the move is complete.',
  },
  'old.mode': {
    area: 'Old server',
    title: 'Execution mode',
    isRequired: true,
    why: 'In cluster mode each worker has its own rooms and timers: a panel misses the posts that another worker took.',
  },
  'old.restarts': {
    area: 'Old server',
    title: 'Restarts',
    isRequired: false,
    why: 'Posts that arrive during a restart are lost, because boxes never repeat them.',
  },
  'old.memory': {
    area: 'Old server',
    title: 'Memory',
    isRequired: false,
    why: 'PM2 reloads the process above its memory limit, and posts on their way are lost.',
  },
  'old.user': {
    area: 'Old server',
    title: 'User',
    isRequired: false,
    why: 'Files of the old server belong to this user, and Samserver must be able to use them.',
  },
  'old.cron': {
    area: 'Old server',
    title: 'Restart by the clock',
    isRequired: false,
    why: 'A restart in the middle of a shift looks like a fault of the move.',
  },
  'old.watch': {
    area: 'Old server',
    title: 'File watcher',
    isRequired: false,
    why: 'PM2 restarts a watched process when a file below its directory changes, a picture included.',
  },
  'old.ports': {
    area: 'Old server',
    title: 'Ports of the old server',
    isRequired: false,
    why: 'The front door sends clients to these ports.',
  },
  'old.secrets': {
    area: 'Old server',
    title: 'Files with secrets',
    isRequired: false,
    why: 'dump.pm2 and .env hold the login of the database: any account on the machine that can read them can change the data.',
  },
  'traffic.direct': {
    area: 'Traffic',
    title: 'Clients that bypass nginx',
    isRequired: false,
    why: 'A client that connects to the port itself does not follow a change of nginx. The redirect of the front door must take its connections.',
  },
  'traffic.proxied': {
    area: 'Traffic',
    title: 'Clients through nginx',
    isRequired: false,
    why: 'The rates decide how much load the mirror doubles.',
  },
  'settings.sources': {
    area: 'Settings',
    title: 'Sources',
    isRequired: true,
    why: 'A setting that was not read is missing in the proposal.',
  },
  'settings.unknown': {
    area: 'Settings',
    title: 'Unknown settings',
    isRequired: false,
    why: 'A setting that Samserver does not have can stand for a function that would be lost.',
  },
  'settings.proposal': {
    area: 'Settings',
    title: 'Proposed settings',
    isRequired: true,
    why: 'The service does not start with a wrong setting.',
  },
  'settings.files': {
    area: 'Settings',
    title: 'Files of the proposal',
    isRequired: false,
    why: 'The next phase starts Samserver with these files.',
  },
  'machine.engine': {
    area: 'This machine',
    title: 'Docker engine',
    isRequired: true,
    why: 'Samserver runs in containers beside the old server.',
  },
  'machine.memory': {
    area: 'This machine',
    title: 'Memory',
    isRequired: true,
    why: 'Both servers run at the same time. Without memory the kernel ends one of them.',
  },
  'machine.ports': {
    area: 'This machine',
    title: 'Ports for Samserver',
    isRequired: true,
    why: 'Samserver needs ports of its own while the old server has 5000 and 5050.',
  },
  'machine.pictures': {
    area: 'This machine',
    title: 'Picture folder',
    isRequired: true,
    why: 'Samserver must read the pictures of the old server and write beside them.',
  },
  'machine.disk': {
    area: 'This machine',
    title: 'Disk for the doubled load',
    isRequired: true,
    why: 'While both servers run, each picture is stored twice. A full disk stops the old server too.',
  },
  'machine.time_zone': {
    area: 'This machine',
    title: 'Time zone',
    isRequired: true,
    why: 'Picture folders carry local time. With another zone, new pictures count as older than the last ones.',
  },
  'machine.ntp': {
    area: 'This machine',
    title: 'Clock synchronisation',
    isRequired: false,
    why: 'A clock that drifts makes positions late or refuses them as future.',
  },
  'database.connection': {
    area: 'Database and Redis',
    title: 'Database',
    isRequired: true,
    why: 'Both servers work on this database.',
  },
  'database.rights': {
    area: 'Database and Redis',
    title: 'Rights in the database',
    isRequired: true,
    why: 'A missing right shows only when the first position or picture is stored.',
  },
  'database.collections': {
    area: 'Database and Redis',
    title: 'Shared collections and indexes',
    isRequired: true,
    why: 'The histories hold tens of millions of documents: a query without an index blocks the database for every program.',
  },
  'database.space': {
    area: 'Database and Redis',
    title: 'Disk of the database',
    isRequired: false,
    why: 'Samserver stores each position in its own collections too.',
  },
  'database.clock': {
    area: 'Database and Redis',
    title: 'Clock against the database',
    isRequired: true,
    why: 'Above 5 s the service is degraded, and no shift starts.',
  },
  redis: {
    area: 'Database and Redis',
    title: 'Redis',
    isRequired: false,
    why: 'Several instances need it to act as one service.',
  },
  'front.certificate': {
    area: 'Front',
    title: 'Certificate',
    isRequired: false,
    why: 'Clients refuse a certificate that has expired, has another name, or lacks its chain.',
  },
  'front.outside': {
    area: 'Front',
    title: 'Reachability from outside',
    isRequired: false,
    why: 'A firewall or a router is visible from outside only.',
  },
} as const satisfies Readonly<Record<string, CheckDefinition>>;

export type CheckId = keyof typeof CHECKS;
export const CHECK_IDS = Object.keys(CHECKS) as CheckId[];
