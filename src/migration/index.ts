import type { CommandIo } from '../client/index.js';

type Command = (argv: readonly string[], io: CommandIo) => Promise<number>;

// Each loads what it needs and no more: hashing a million files wants no database driver in memory.
export const runAdopt: Command = async (argv, io) =>
  (await import('./adopt/run-adopt.js')).runAdopt(argv, io);
export const runImages: Command = async (argv, io) =>
  (await import('./images/run-images.js')).runImages(argv, io);
export const runInit: Command = async (argv, io) => (await import('./run-init.js')).runInit(argv, io);
export const runSchema: Command = async (argv, io) => (await import('./run-schema.js')).runSchema(argv, io);
