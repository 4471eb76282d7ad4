export { ImageVolume, type VolumeReport, type VolumeState } from './image-volume.js';
export { ImagesModule } from './images.module.js';
export { refuseUnreadableAddresses } from './unreadable-addresses.js';
