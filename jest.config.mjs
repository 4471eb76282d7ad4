/** One transform for every project: swc strips the types, `tsc --noEmit` checks them. */
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
};

/** Load and latencies: each runs alone (`--runInBand`), because they judge what a machine without other work can do. */
const QUIET = [
  'image-retention-load',
  'images-load',
  'legacy-spool',
  'load',
  'reconnects',
  'redis-faults',
  'responsiveness',
  'several-instances',
  'speed',
].map((name) => `<rootDir>/test/e2e/${name}.spec.ts`);

/** The move, in network namespaces: nginx, nft and PM2 without the Docker engine. */
const MOVE = ['front-door*', 'preflight-pm2', 'shift*', 'side-by-side'].map(
  (name) => `<rootDir>/test/stack/${name}.spec.ts`,
);

/** They run alone: loads, and `complete`, which looks for every process of the old server on the machine. */
const STACK_ALONE = ['box-load', 'complete', 'container-lifecycle', 'hostile-load'].map(
  (name) => `<rootDir>/test/stack/${name}.spec.ts`,
);

export default {
  // For two cores: many tests wait for an interval and use none. A worker that has grown is replaced.
  maxWorkers: 3,
  workerIdleMemoryLimit: '512MB',
  coverageProvider: 'v8',
  // For a machine that is many times slower than this one; a hang ends at the limit of its stage in `.ci/run`.
  testTimeout: 180_000,
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/src/**/*.spec.ts'] },
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.spec.ts', '<rootDir>/test/old-readers/*.spec.ts'],
      // A password's hash costs a quarter of a second by design; almost every test logs in.
      moduleNameMapper: { ...shared.moduleNameMapper, '^bcrypt$': '<rootDir>/test/support/fast-bcrypt.ts' },
    },
    // Kills and whole processes.
    {
      ...shared,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', ...QUIET],
    },
    { ...shared, displayName: 'quiet', testMatch: QUIET },
    // `npm run test:stack`: on a real Docker engine, except the move.
    {
      ...shared,
      displayName: 'stack',
      testMatch: ['<rootDir>/test/stack/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', ...[...MOVE, ...STACK_ALONE].map(patternOf)],
    },
    { ...shared, displayName: 'stack-alone', testMatch: STACK_ALONE },
    { ...shared, displayName: 'move', testMatch: MOVE },
    // It runs alone: `complete` looks for every process of the old server on the machine.
    { ...shared, displayName: 'rehearse', testMatch: ['<rootDir>/test/rehearse/*.spec.ts'] },
  ],
};

/** @param glob with `*` at most */
function patternOf(glob) {
  return glob.replace('<rootDir>', '').replaceAll('.', '\\.').replaceAll('*', '[^/]*');
}
