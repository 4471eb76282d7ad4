import { Module, type Provider } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { CrashesModule } from '../../crashes/index.js';
import { ImagesModule } from '../../images/index.js';
import { ReleaseModule } from '../../release/index.js';
import { TrackingModule } from '../../tracking/index.js';
import { VehiclesModule } from '../../vehicles/index.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { AmbulancesRepository } from './ambulances.repository.js';
import { CollectionsMetrics } from './collections-metrics.js';
import { CrashCollection } from './crash-collection.repository.js';
import { CrashMirror } from './crash-mirror.js';
import { CursorsRepository } from './cursors.repository.js';
import { LegacyCollections, MIRRORS } from './legacy-collections.service.js';
import type { AnyMirror } from './mirror.js';
import { PictureCollections } from './picture-collections.repository.js';
import { PictureMirror } from './picture-mirror.js';
import { TrackingCollections } from './tracking-collections.repository.js';
import { TrackingMirror } from './tracking-mirror.js';

const mirrors: Provider = {
  provide: MIRRORS,
  useFactory: ({ sharedCollections }: Settings, ...all: AnyMirror[]) =>
    sharedCollections.areWritten ? all : [],
  inject: [SETTINGS, TrackingMirror, PictureMirror, CrashMirror],
};

@Module({
  imports: [TrackingModule, VehiclesModule, ImagesModule, CrashesModule, ReleaseModule],
  providers: [
    AmbulancesRepository,
    AmbulanceDirectory,
    CursorsRepository,
    TrackingCollections,
    PictureCollections,
    CrashCollection,
    TrackingMirror,
    PictureMirror,
    CrashMirror,
    mirrors,
    CollectionsMetrics,
    LegacyCollections,
  ],
  exports: [AmbulanceDirectory, CursorsRepository, PictureMirror, CrashMirror],
})
export class LegacyCollectionsModule {}
