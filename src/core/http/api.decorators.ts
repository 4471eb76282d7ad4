import type * as Swagger from '@nestjs/swagger';

/** The package `@nestjs/swagger`. */
type ApiLibrary = typeof Swagger;

type DecoratorName = {
  [Name in keyof ApiLibrary]: Name extends `Api${string}` ? Name : never;
}[keyof ApiLibrary];
type Decorator = (...target: unknown[]) => void;

/** In the order in which classes applied them. */
const waiting: ((library: ApiLibrary) => void)[] = [];

/**
 * Applies all decorators of this file that are not applied yet. Call it before the API document is built.
 * @throws the error of a decorator; it and those after it are then applied at the next call
 */
export function applyApiDecorators(library: ApiLibrary): void {
  let applied = 0;
  try {
    for (const apply of waiting) {
      apply(library);
      applied += 1;
    }
  } finally {
    waiting.splice(0, applied);
  }
}

/**
 * A decorator of `@nestjs/swagger` that takes effect when the API document is built. The package loads 530 files, and only
 * the document needs them.
 */
function deferred<Name extends DecoratorName>(name: Name): ApiLibrary[Name] {
  const decorate =
    (...options: unknown[]): Decorator =>
    (...target) =>
      void waiting.push((library) =>
        (library[name] as (...options: unknown[]) => Decorator)(...options)(...target),
      );
  return decorate;
}

export const ApiAcceptedResponse = deferred('ApiAcceptedResponse');
export const ApiBearerAuth = deferred('ApiBearerAuth');
export const ApiBody = deferred('ApiBody');
export const ApiConsumes = deferred('ApiConsumes');
export const ApiCreatedResponse = deferred('ApiCreatedResponse');
export const ApiExtension = deferred('ApiExtension');
export const ApiExtraModels = deferred('ApiExtraModels');
export const ApiHeader = deferred('ApiHeader');
export const ApiNoContentResponse = deferred('ApiNoContentResponse');
export const ApiNotFoundResponse = deferred('ApiNotFoundResponse');
export const ApiOkResponse = deferred('ApiOkResponse');
export const ApiOperation = deferred('ApiOperation');
export const ApiParam = deferred('ApiParam');
export const ApiProperty = deferred('ApiProperty');
export const ApiPropertyOptional = deferred('ApiPropertyOptional');
export const ApiResponse = deferred('ApiResponse');
export const ApiServiceUnavailableResponse = deferred('ApiServiceUnavailableResponse');
export const ApiTags = deferred('ApiTags');
