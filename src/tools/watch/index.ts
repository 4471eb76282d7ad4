/** The live stream for a person at a terminal, or as lines for a program. */
export { runWatch } from './run-watch.js';
