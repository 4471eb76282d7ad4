export { registrationFor } from './call-signs.js';
export { LatencyHistogram } from './latency-histogram.js';
export { type Drive, planSimulation, type PlannedFix } from './plan.js';
export { playDrive } from './play-drive.js';
export { registerVehicles, releaseVehicles, type ReplayVehicle } from './replay-vehicles.js';
export { replayCommand } from './replay.command.js';
export { simulateAmbulance } from './simulated-ambulance.js';
