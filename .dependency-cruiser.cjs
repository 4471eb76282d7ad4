/** Which folder may import which: docs/adr/0001-folders-and-imports.md. A folder that is not listed is closed. */
const BASE = ['config', 'core', 'database', 'cache', 'cluster'];
const ALLOWED_IMPORTS = {
  config: [],
  core: ['config'],
  'embedded-mongo': [],
  database: ['config', 'core', 'embedded-mongo'],
  cluster: ['config', 'core'],
  // Its store uses the connection to Redis of `cluster`.
  cache: ['config', 'core', 'cluster'],
  auth: BASE,
  vehicles: [...BASE, 'auth'],
  tracking: [...BASE, 'auth', 'vehicles'],
  images: [...BASE, 'auth', 'vehicles'],
  crashes: [...BASE, 'auth', 'vehicles'],
  'crew-events': [...BASE, 'auth', 'vehicles', 'tracking'],
  deployment: [...BASE, 'auth'],
  gateway: [...BASE, 'auth', 'vehicles', 'tracking', 'images', 'crashes', 'crew-events', 'deployment'],
  legacy: [...BASE, 'auth', 'vehicles', 'tracking', 'images', 'crashes', 'crew-events', 'gateway'],
  health: [...BASE, 'auth', 'images', 'tracking', 'deployment'],
  migration: [
    ...BASE.filter((folder) => !['cache', 'cluster'].includes(folder)),
    'deployment',
    'vehicles',
    'images',
    'legacy',
    // `load` and `compare` are clients of both servers.
    'tools',
  ],
  tools: ['config', 'core'],
};

/** Entries below a folder, for what must load without the rest of it. */
const SUB_ENTRIES = [
  '^src/(core/commands|images/volume|legacy/(status|roles)|migration/(adopt|backups|images|front-door|load|compare|shift|complete)|tools/[^/]+)/index\\.ts$',
];

const importRules = Object.entries(ALLOWED_IMPORTS).map(([folder, allowed]) => ({
  name: `imports-of-${folder}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: {
    path: '^src/',
    pathNot: `^src/(${[folder, ...allowed].join('|')})/`,
    dependencyTypesNot: ['type-only'],
  },
}));

module.exports = {
  forbidden: [
    ...importRules,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'only-through-the-index',
      comment: 'Another folder is imported through its index.ts only.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/[^/]+/',
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', ...SUB_ENTRIES],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'types-through-the-index',
      comment: 'The client shares the types of the wire with the server; types leave no trace when compiled.',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: '^src/(tools|gateway|main|cli|service-process)' },
      to: {
        path: '^src/[^/]+/',
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', ...SUB_ENTRIES],
      },
    },
    {
      name: 'entry-only-through-the-index',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/[^/]+/', pathNot: '/index\\.ts$' },
    },
    {
      name: 'models-only-in-repositories',
      comment: 'Only repositories, schemas, their modules and the database folder import mongoose.',
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
      from: { path: '^src/', pathNot: ['^src/(gateway|legacy/panels|tools/client)/', '\\.spec\\.ts$'] },
      to: { path: 'node_modules/(socket\\.io|socket\\.io-client|@nestjs/platform-socket\\.io)/' },
    },
    {
      name: 'legacy-boxes-import-no-panels',
      comment: 'Panels subscribe to events.',
      severity: 'error',
      from: { path: '^src/legacy/', pathNot: '^src/legacy/(panels/|legacy\\.module\\.ts$)' },
      to: { path: '^src/legacy/panels/' },
    },
    {
      name: 'only-panels-import-the-gateway',
      severity: 'error',
      from: { path: '^src/legacy/', pathNot: '^src/legacy/(panels/|legacy\\.module\\.ts$)' },
      to: { path: '^src/gateway/' },
    },
    {
      name: 'lmdb-and-bson-stay-in-embedded-mongo',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/embedded-mongo/' },
      to: { path: 'node_modules/(lmdb|bson)/' },
    },
    {
      name: 'loaded-on-use',
      comment:
        'Many files that the service needs late or never: they are loaded where they are used, not at the start.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/core/http/api-document\\.ts$', '\\.spec\\.ts$'] },
      to: {
        path: 'node_modules/(@nestjs/swagger|yaml|redis|cache-manager-redis-yet|pino-pretty)/',
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
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
