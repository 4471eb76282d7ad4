export { DeviceRate } from './ingest/device-rate.js';
export { RECORDED_WITHIN_MS } from './ingest/in-doubt-writes.js';
export { LatestPositions } from './live/latest-positions.js';
export { parseMeasurements } from './ingest/position.parser.js';
export { PositionLogService } from './history/position-log.service.js';
export { PositionRetention } from './position-retention.js';
export { PositionsService } from './ingest/positions.service.js';
export { TrackingModule } from './tracking.module.js';
