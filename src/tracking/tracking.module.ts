import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import { VehiclesModule } from '../vehicles/index.js';
import { LatestPositionsLoader } from './live/latest-positions-loader.js';
import { HistoryController } from './history/history.controller.js';
import { LatestPositions } from './live/latest-positions.js';
import { LivePositionsController } from './live/live-positions.controller.js';
import { NearestController } from './live/nearest.controller.js';
import { NearestVehiclesService } from './live/nearest-vehicles.service.js';
import { PositionHistoryService } from './history/position-history.service.js';
import { PositionValidator } from './ingest/position-validator.js';
import { PositionLogService } from './history/position-log.service.js';
import { PositionMetrics } from './ingest/position-metrics.js';
import { PositionWriter } from './ingest/position-writer.js';
import { PositionRetention } from './position-retention.js';
import { PositionRecord, PositionSchema } from './position.schema.js';
import { PositionsController } from './ingest/positions.controller.js';
import { PositionsRepository } from './positions.repository.js';
import { PositionsService } from './ingest/positions.service.js';
import { QuarantineController } from './quarantine/quarantine.controller.js';
import { QuarantineRepository } from './quarantine/quarantine.repository.js';
import { QuarantineRecord, QuarantineSchema } from './quarantine/quarantine.schema.js';
import { QuarantineService } from './quarantine/quarantine.service.js';
import { TrackContextLoader } from './ingest/track-context.js';
import { TrackMemory } from './ingest/track-memory.js';
import { TrackOwnership } from './ingest/track-ownership.js';
import { RetentionRepository } from './retention.repository.js';
import { TrackExportService } from './history/track-export.service.js';
import { InDoubtWrites } from './ingest/in-doubt-writes.js';
import { LateCommits } from './ingest/late-commits.js';
import { DeviceClocks } from './ingest/device-clocks.js';
import { DeviceRate } from './ingest/device-rate.js';

@Module({
  imports: [
    AuthModule,
    VehiclesModule,
    MongooseModule.forFeature([
      { name: PositionRecord.name, schema: PositionSchema },
      { name: QuarantineRecord.name, schema: QuarantineSchema },
    ]),
  ],
  controllers: [
    NearestController,
    LivePositionsController,
    HistoryController,
    PositionsController,
    QuarantineController,
  ],
  providers: [
    PositionLogService,
    TrackContextLoader,
    TrackMemory,
    TrackOwnership,
    QuarantineService,
    PositionsRepository,
    QuarantineRepository,
    PositionValidator,
    PositionWriter,
    PositionMetrics,
    InDoubtWrites,
    LateCommits,
    DeviceClocks,
    DeviceRate,
    LatestPositions,
    LatestPositionsLoader,
    PositionsService,
    PositionHistoryService,
    TrackExportService,
    NearestVehiclesService,
    RetentionRepository,
    PositionRetention,
  ],
  exports: [DeviceRate, PositionLogService, PositionsService, LatestPositions],
})
export class TrackingModule {}
