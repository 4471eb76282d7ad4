/** Versions of the schema that this release works with, ends included. */
export const SUPPORTED_SCHEMA = { min: 1, max: 1 } as const;
