import { type DynamicModule, Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import type { Settings } from '../config/index.js';
import { GatewayModule } from '../gateway/index.js';
import { TrackingModule } from '../tracking/index.js';
import { SharedCollectionsModule } from '../legacy/shared-collections/index.js';
import { OpenRequestsModule } from '../legacy/open-requests/index.js';
import { CrewEventRecord, CrewEventSchema } from './crew-event.schema.js';
import { CrewEventsRepository } from './crew-events.repository.js';
import { CrewEventMetrics } from './crew-event-metrics.js';
import { CrewEventLeader } from './crew-event-leader.js';
import { CrewEventBroadcaster } from './crew-event-broadcaster.js';
import { CrewStateRecord, CrewStateSchema } from './crew-state.schema.js';
import { CrewStatesRepository } from './crew-states.repository.js';
import { DispatchSystem } from './dispatch-system.js';
import { NotificationsController } from './notifications.controller.js';
import { NotificationsService } from './notifications.service.js';

@Module({})
export class CrewEventsModule {
  /** With CREW_EVENTS=off there is nothing of it. It is for new vehicles too, so LEGACY_CLIENTS says nothing of it. */
  static with({ crewEvents }: Settings): DynamicModule {
    if (!crewEvents.isEnabled) return { module: CrewEventsModule };
    return {
      module: CrewEventsModule,
      imports: [
        AuthModule,
        TrackingModule,
        GatewayModule,
        SharedCollectionsModule,
        OpenRequestsModule,
        MongooseModule.forFeature([
          { name: CrewEventRecord.name, schema: CrewEventSchema },
          { name: CrewStateRecord.name, schema: CrewStateSchema },
        ]),
      ],
      controllers: [NotificationsController],
      providers: [
        CrewEventsRepository,
        CrewStatesRepository,
        DispatchSystem,
        CrewEventMetrics,
        CrewEventLeader,
        CrewEventBroadcaster,
        NotificationsService,
      ],
    };
  }
}
