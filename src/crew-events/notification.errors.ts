import { DomainError } from '../core/index.js';

export const notificationNotFound = (): DomainError =>
  new DomainError('notifications/not-found', 'There is no such notification.');

export const notificationNotDead = (): DomainError =>
  new DomainError(
    'notifications/not-dead',
    'Only a notification that was given up is sent again; this one was sent, or waits, or was never to be sent.',
  );
