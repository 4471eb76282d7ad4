export { MayBeAbsent } from './absence.js';
export { BodyTypeInterceptor, TakesOtherBody } from './body-type.interceptor.js';
export { type BoundingBox, isInside, parseBoundingBox } from './bounding-box.js';
export { Clock } from './clock.js';
export { ClockDoubt } from './clock-doubt.js';
export { CommonModule } from './common.module.js';
export { DomainError, type ErrorKind, type FieldFault } from './domain-error.js';
export { distanceM } from './geodesy.js';
export { ERROR_CODES, type ErrorCode } from './error-codes.js';
export { Fails, FAILS } from './fails.decorator.js';
export { ERROR_TRANSLATOR, type ErrorTranslator, type Problem, problem } from './error-answers.js';

export { answerUnreadableRequests, HTTP_LIMITS } from './http-limits.js';
export { currentCall, type HttpCall, outsideCalls } from './http-call.js';
export { HttpTraffic } from './http-traffic.js';
export { InputPipe, invalidInput } from './input.pipe.js';
export { listen } from './listen.js';
export { IsIsoTime, parseTime } from './iso-time.js';
export { DEFAULT_LEVEL_S, type LevelChange, LOG_LEVELS, LogLevel, type LogLevelName } from './log-level.js';
export { Metrics } from './metrics.js';
export { keyOfCursor, type Page, pageBy, pageOf, type PageRequest, pageRequest } from './page.js';
export { PageDto } from './page.dto.js';
export { createPino, PinoLogger } from './pino-logger.js';
export { onTheWire, type PlainAnswer, plainAnswer } from './plain-answer.js';
export { ProblemFilter } from './problem.filter.js';
export { requestId, requestIdOf } from './request-id.js';
export { SocketAnswerInterceptor } from './socket-answer.interceptor.js';
export type {
  Fix,
  PositionInput,
  PositionReport,
  PositionResult,
  PositionView,
  ReportAnswer,
  Verdict,
} from './position.js';
export { isUnwieldy } from './unwieldy.js';
export { lowerCased, PRINTABLE, trimmed } from './text-input.js';
