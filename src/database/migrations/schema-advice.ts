import type { SchemaView } from './schema-view.js';

/** Why the instance waits, and exactly what a person types next. */
export function adviceFor({ fit, current, supported: { min, max }, failed }: SchemaView): string {
  const situation = `the database has schema ${current}, this release works with ${min} to ${max}`;
  switch (fit) {
    case 'fits':
      return situation;
    case 'failed':
      return failed ?? situation;
    case 'too_old':
      return `${situation}. Type: samserver schema up (samserver schema status shows the steps)`;
    case 'too_new':
      return `${situation} and cannot go on with a newer one, there or announced. Start a release that can; samserver schema status shows which version it has to know`;
  }
}
