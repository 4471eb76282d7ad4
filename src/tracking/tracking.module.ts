import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import { VehiclesModule } from '../vehicles/index.js';
import { ArchivedMarkers } from './archived-markers.js';
import { BoardLoader } from './board-loader.js';
import { HistoryController } from './history.controller.js';
import { LatestPositions } from './latest-positions.js';
import { LivePositionsController } from './live-positions.controller.js';
import { NearestController } from './nearest.controller.js';
import { NearestVehicles } from './nearest-vehicles.service.js';
import { PositionFeed } from './position-feed.js';
import { PositionHistory } from './position-history.service.js';
import { PositionJudge } from './position-judge.js';
import { PositionLog } from './position-log.service.js';
import { PositionMetrics } from './position-metrics.js';
import { PositionRecorder } from './position-recorder.js';
import { PositionRetention } from './position-retention.js';
import { PositionRecord, PositionSchema } from './position.schema.js';
import { PositionsController } from './positions.controller.js';
import { PositionsRepository } from './positions.repository.js';
import { PositionsService } from './positions.service.js';
import { QuarantineController } from './quarantine.controller.js';
import { QuarantineRepository } from './quarantine.repository.js';
import { QuarantineRecord, QuarantineSchema } from './quarantine.schema.js';
import { QuarantineService } from './quarantine.service.js';
import { TrackReader } from './track-reader.js';
import { RetentionRepository } from './retention.repository.js';
import { TrackFilesService } from './track-files.service.js';
import { UnconfirmedPositions } from './unconfirmed-positions.js';

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
    PositionLog,
    TrackReader,
    QuarantineService,
    PositionsRepository,
    QuarantineRepository,
    PositionJudge,
    PositionRecorder,
    PositionMetrics,
    UnconfirmedPositions,
    LatestPositions,
    PositionFeed,
    BoardLoader,
    ArchivedMarkers,
    PositionsService,
    PositionHistory,
    TrackFilesService,
    NearestVehicles,
    RetentionRepository,
    PositionRetention,
  ],
  exports: [PositionLog, PositionsService, LatestPositions, PositionFeed],
})
export class TrackingModule {}
