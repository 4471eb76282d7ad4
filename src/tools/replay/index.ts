/** Recorded tracks and simulated ambulances, played through real device sockets. */
export { runReplay } from './run-replay.js';
