export { LatestPositions } from './latest-positions.js';
export { PositionFeed, type RecordedPosition } from './position-feed.js';
export { PositionLog } from './position-log.service.js';
export { PositionRetention } from './position-retention.js';
export { MAX_REPORTED, PositionsService } from './positions.service.js';
export { type StoredPosition, toPositionView } from './stored-position.js';
export { TrackingModule } from './tracking.module.js';
