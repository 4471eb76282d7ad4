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

export default {
  // Two cores here and on most laptops in power saving; a worker that has grown is replaced.
  maxWorkers: 2,
  workerIdleMemoryLimit: '512MB',
  coverageProvider: 'v8',
  // For a machine that is many times slower than this one; a hang ends at the limit of its stage in `.ci/run`.
  testTimeout: 180_000,
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/src/**/*.spec.ts'] },
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.spec.ts'],
      // A password's hash costs a quarter of a second by design; almost every test logs in.
      moduleNameMapper: { ...shared.moduleNameMapper, '^bcrypt$': '<rootDir>/test/support/fast-bcrypt.ts' },
    },
    // Kills, load, whole processes, and figures that only a machine without other work can judge.
    { ...shared, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.spec.ts'] },
    // On a real Docker engine; `npm run test:stack`.
    { ...shared, displayName: 'stack', testMatch: ['<rootDir>/test/stack/**/*.spec.ts'] },
  ],
};
