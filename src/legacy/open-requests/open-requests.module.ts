import { Module } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { SharedCollectionsModule } from '../shared-collections/index.js';
import { GoogleRoutesClient } from './google-routes-client.js';
import { OpenRequestsRepository } from './open-requests.repository.js';
import { OpenRequestsService } from './open-requests.service.js';
import { DrivingTimes, ROUTES_CLIENT } from './driving-times.js';

@Module({
  imports: [SharedCollectionsModule],
  providers: [
    OpenRequestsRepository,
    {
      provide: ROUTES_CLIENT,
      useFactory: ({ google }: Settings) =>
        google.mapKey === null ? null : new GoogleRoutesClient({ key: google.mapKey }),
      inject: [SETTINGS],
    },
    DrivingTimes,
    OpenRequestsService,
  ],
  exports: [OpenRequestsService],
})
export class OpenRequestsModule {}
