import type { CommandIo } from '../tools/client/index.js';

type Command = (argv: readonly string[], io: CommandIo) => Promise<number>;

// Each loads what it needs and no more: hashing a million files wants no database driver in memory.
export const runAdopt: Command = async (argv, io) =>
  (await import('./adopt/adopt.command.js')).runAdopt(argv, io);
export const runImages: Command = async (argv, io) =>
  (await import('./images/images.command.js')).runImages(argv, io);
export const runInit: Command = async (argv, io) => (await import('./init.command.js')).runInit(argv, io);
export const runSchema: Command = async (argv, io) =>
  (await import('./schema.command.js')).runSchema(argv, io);
