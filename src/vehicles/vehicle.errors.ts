import { DomainError, invalidInput } from '../core/index.js';

export const vehicleNotFound = (): DomainError =>
  new DomainError('vehicles/not-found', 'There is no such vehicle.');

export const callSignTaken = (): DomainError =>
  new DomainError('vehicles/call-sign-taken', 'Another vehicle has this call sign.');

export const registrationTaken = (): DomainError =>
  new DomainError('vehicles/registration-taken', 'Another vehicle has this registration.');

export const boxCodeTaken = (): DomainError =>
  new DomainError('vehicles/box-code-taken', 'Another vehicle has this box code.');

export const versionMismatch = (): DomainError =>
  new DomainError(
    'vehicles/version-mismatch',
    'The vehicle has changed since the version that If-Match names; read it again.',
  );

export const vehicleBusy = (): DomainError =>
  new DomainError('vehicles/busy', 'The vehicle is being changed by too many at once; try again.', {
    retryAfterMs: 200,
  });

export const otherVehicle = (): DomainError =>
  new DomainError('vehicles/other-vehicle', 'This device token belongs to another vehicle.');

export const badStatusTime = (message: string): DomainError => invalidInput([{ path: 'at', message }]);
