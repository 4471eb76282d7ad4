import { Module, type Provider } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { CrashesModule } from '../../crashes/index.js';
import { ImagesModule } from '../../images/index.js';
import { TrackingModule } from '../../tracking/index.js';
import { VehiclesModule } from '../../vehicles/index.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { AmbulancesRepository } from './ambulances.repository.js';
import { SharedCollectionsMetrics } from './shared-collections-metrics.js';
import { CrashCollectionRepository } from './crash-collection.repository.js';
import { CrashMirror } from './crash-mirror.js';
import { CursorsRepository } from './cursors.repository.js';
import { SharedCollectionsService, MIRRORS } from './shared-collections.service.js';
import type { AnyMirror } from './mirror.js';
import { PictureCollectionsRepository } from './picture-collections.repository.js';
import { PictureMirror } from './picture-mirror.js';
import { TrackingCollectionsRepository } from './tracking-collections.repository.js';
import { TrackingMirror } from './tracking-mirror.js';

const mirrors: Provider = {
  provide: MIRRORS,
  useFactory: ({ sharedCollections }: Settings, ...all: AnyMirror[]) =>
    sharedCollections.isEnabled ? all : [],
  inject: [SETTINGS, TrackingMirror, PictureMirror, CrashMirror],
};

@Module({
  imports: [TrackingModule, VehiclesModule, ImagesModule, CrashesModule],
  providers: [
    AmbulancesRepository,
    AmbulanceDirectory,
    CursorsRepository,
    TrackingCollectionsRepository,
    PictureCollectionsRepository,
    CrashCollectionRepository,
    TrackingMirror,
    PictureMirror,
    CrashMirror,
    mirrors,
    SharedCollectionsMetrics,
    SharedCollectionsService,
  ],
  exports: [AmbulanceDirectory, CursorsRepository, PictureMirror, CrashMirror],
})
export class SharedCollectionsModule {}
