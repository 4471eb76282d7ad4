import { ValidateBy, type ValidationOptions } from 'class-validator';
import { isPasswordLength, MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES } from './passwords.js';

/** A password that somebody chooses. */
export function IsNewPassword(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isNewPassword',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && isPasswordLength(value),
        defaultMessage: () =>
          `$property must be ${MIN_PASSWORD_BYTES} to ${MAX_PASSWORD_BYTES} bytes long; ` +
          'a letter outside of ASCII takes two to four',
      },
    },
    options,
  );
}
