import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import type { Settings } from '../config/index.js';
import { TrackingModule } from '../tracking/index.js';
import { CrewEventDetector } from './crew-event-detector.js';
import { CrewEventLeader } from './crew-event-leader.js';
import { CrewEventMetrics } from './crew-event-metrics.js';
import { CrewEventRecord, CrewEventSchema } from './crew-event.schema.js';
import { CrewEventsRepository } from './crew-events.repository.js';
import { CrewEventsService } from './crew-events.service.js';
import { CrewPositionReader } from './crew-position-reader.js';
import { CrewStateRecord, CrewStateSchema } from './crew-state.schema.js';
import { CrewStatesRepository } from './crew-states.repository.js';
import { NotificationsController } from './notifications.controller.js';
import { NotificationsService } from './notifications.service.js';
import { PanelNotificationSender } from './panel-notification-sender.js';

@Module({})
export class CrewEventsModule {
  /**
   * Empty with CREW_EVENTS=off. Independent of LEGACY_CLIENTS: new vehicles have crew events too. Global, so that the
   * gateway can inject `CrewEventsService` as an optional dependency.
   * @param dispatchModule exports the implementation of `DispatchSystem`
   */
  static with({ crewEvents }: Settings, dispatchModule: Type<unknown>): DynamicModule {
    if (!crewEvents.isEnabled) return { module: CrewEventsModule };
    return {
      module: CrewEventsModule,
      global: true,
      imports: [
        AuthModule,
        TrackingModule,
        dispatchModule,
        MongooseModule.forFeature([
          { name: CrewEventRecord.name, schema: CrewEventSchema },
          { name: CrewStateRecord.name, schema: CrewStateSchema },
        ]),
      ],
      controllers: [NotificationsController],
      providers: [
        CrewEventsRepository,
        CrewStatesRepository,
        CrewEventMetrics,
        CrewEventDetector,
        CrewPositionReader,
        PanelNotificationSender,
        CrewEventLeader,
        CrewEventsService,
        NotificationsService,
      ],
      exports: [CrewEventsService],
    };
  }
}
