import { Module } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { LegacyCollectionsModule } from '../collections/index.js';
import { GoogleRoutes } from './google-routes.js';
import { OpenRequestsRepository } from './open-requests.repository.js';
import { OpenRequests } from './open-requests.service.js';
import { RoadTimes, ROUTES } from './road-times.js';

@Module({
  imports: [LegacyCollectionsModule],
  providers: [
    OpenRequestsRepository,
    {
      provide: ROUTES,
      useFactory: ({ google }: Settings) =>
        google.mapKey === null ? null : new GoogleRoutes({ key: google.mapKey }),
      inject: [SETTINGS],
    },
    RoadTimes,
    OpenRequests,
  ],
  exports: [OpenRequests],
})
export class OpenRequestsModule {}
