import { type DynamicModule, Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../../auth/index.js';
import type { Settings } from '../../config/index.js';
import { GatewayModule } from '../../gateway/index.js';
import { TrackingModule } from '../../tracking/index.js';
import { LegacyCollectionsModule } from '../collections/index.js';
import { OpenRequestsModule } from '../open-requests/index.js';
import { CrewEventRecord, CrewEventSchema } from './crew-event.schema.js';
import { CrewEventsRepository } from './crew-events.repository.js';
import { CrewMetrics } from './crew-metrics.js';
import { CrewOwner } from './crew-owner.service.js';
import { CrewScreen } from './crew-screen.service.js';
import { CrewStateRecord, CrewStateSchema } from './crew-state.schema.js';
import { CrewStatesRepository } from './crew-states.repository.js';
import { CrewSurroundings } from './crew-surroundings.js';
import { NotificationsController } from './notifications.controller.js';
import { NotificationsService } from './notifications.service.js';

@Module({})
export class CrewEventsModule {
  /** With CREW_EVENTS=off there is nothing of it. It is for new vehicles too, so LEGACY_CLIENTS says nothing of it. */
  static with({ crewEvents }: Settings): DynamicModule {
    if (!crewEvents.areOn) return { module: CrewEventsModule };
    return {
      module: CrewEventsModule,
      imports: [
        AuthModule,
        TrackingModule,
        GatewayModule,
        LegacyCollectionsModule,
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
        CrewSurroundings,
        CrewMetrics,
        CrewOwner,
        CrewScreen,
        NotificationsService,
      ],
    };
  }
}
