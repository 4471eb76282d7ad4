/** Who may know whom: docs/adr/0001-rooms.md says why. A room not named for a room is closed to it. */
const ROOMS = {
  config: [],
  common: ['config'],
  'embedded-mongo': [],
  database: ['config', 'common', 'embedded-mongo'],
  auth: ['config', 'common', 'database'],
  vehicles: ['config', 'common', 'database', 'auth'],
  tracking: ['config', 'common', 'database', 'auth', 'vehicles'],
  'image-files': [],
  images: ['config', 'common', 'database', 'auth', 'vehicles', 'image-files'],
  release: ['config', 'common', 'database', 'auth'],
  migration: ['config', 'common', 'database', 'vehicles', 'image-files', 'images', 'release'],
  crashes: ['config', 'common', 'database', 'auth'],
  gateway: ['config', 'common', 'auth', 'tracking', 'vehicles', 'crashes', 'release'],
  legacy: [
    'config',
    'common',
    'database',
    'auth',
    'vehicles',
    'tracking',
    'images',
    'image-files',
    'crashes',
    'release',
    'gateway',
    'client',
  ],
  health: ['config', 'common', 'auth', 'database', 'images', 'release'],
  client: [],
  replay: ['client'],
  watch: ['client'],
};

const walls = Object.entries(ROOMS).map(([room, known]) => ({
  name: `${room}-keeps-to-its-neighbours`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: `^src/(${[room, ...known].join('|')})/`, dependencyTypesNot: ['type-only'] },
}));

module.exports = {
  forbidden: [
    ...walls,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'through-the-front-door',
      comment: 'Another room is entered by its index.ts only.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/[^/]+/',
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'types-cross-only-to-the-client-and-replay',
      comment:
        'The client shares the wire words with the server, as types, which leave no trace when compiled.',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: '^src/(client|replay|watch|gateway|main|cli|run-service)' },
      to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'entry-through-the-front-door',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/[^/]+/', pathNot: '/index\\.ts$' },
    },
    {
      name: 'models-only-in-repositories',
      comment: 'Only a repository, a schema, its module and the database room speak mongoose.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['^src/(database|embedded-mongo)/', '\\.(repository|schema|module)\\.ts$'],
      },
      to: { path: 'node_modules/(mongoose|mongodb)/' },
    },
    {
      name: 'socket-io-stays-in-the-gateway',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(gateway|client)/', '\\.spec\\.ts$'] },
      to: { path: 'node_modules/(socket\\.io|socket\\.io-client|@nestjs/platform-socket\\.io)/' },
    },
    {
      name: 'lmdb-and-mingo-stay-in-embedded-mongo',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/embedded-mongo/' },
      to: { path: 'node_modules/(lmdb|mingo|bson)/' },
    },
    {
      name: 'no-test-code-in-src',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { path: ['^test/', '^bench/', '\\.spec\\.ts$'] },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '(main|cli|worker|watchdog-worker)\\.ts$' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
