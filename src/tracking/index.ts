export { LatestPositions } from './live/latest-positions.js';
export type { RecordedPosition } from './recorded-position.js';
export { PositionLogService } from './history/position-log.service.js';
export { PositionRetention } from './position-retention.js';
export { MAX_REPORTED, PositionsService } from './ingest/positions.service.js';
export { type StoredPosition, toPositionView } from './stored-position.js';
export { TrackingModule } from './tracking.module.js';
