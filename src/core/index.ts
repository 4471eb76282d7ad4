export { AcceptsNonJsonBody, MaxBodyBytes, RequestBodyInterceptor } from './http/request-body.interceptor.js';
export {
  announcedBytes,
  answerEarly,
  bodyTooLarge,
  brokenBody,
  discardRest,
  readBytes,
  textOf,
  UnreadableBodyError,
} from './http/request-body.js';
export { parseJsonBody } from './http/json-body.js';
export { type BoundingBox, isInside, parseBoundingBox } from './geo/bounding-box.js';
export { Clock } from './time/clock.js';
export { ClockSkewDetector } from './time/clock-skew-detector.js';
export { EXIT_CODES, type ExitCode } from './commands/exit-codes.js';
export { CoreModule } from './core.module.js';
export { DomainError, type FieldError, invalidInput } from './errors/domain-error.js';
export { distanceM, type LatLon, squaredChord, unitVector } from './geo/geodesy.js';
export { failureFields } from './errors/failure-fields.js';
export { ERROR_CODES, type ErrorCode, statusOfCode } from './errors/error-codes.js';
export { API_ACCESS, FailsWith } from './errors/fails-with.decorator.js';
export { ERROR_TRANSLATOR, type ErrorTranslator, type Problem, problem } from './errors/error-responses.js';

export { RecordEpoch } from './events/record-epoch.js';
export { EventBus, type EventForwarder, type EventMap, type JsonOf } from './events/event-bus.js';
export { ClientAddresses, ipNetwork } from './http/client-addresses.js';
export { ConnectionLimits } from './http/connection-limits.js';
export { constantAnswer, type ConstantAnswer, sendConstant } from './http/constant-answers.js';
export {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiExtension,
  ApiExtraModels,
  ApiHeader,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  ApiServiceUnavailableResponse,
  ApiTags,
} from './http/api.decorators.js';
export { serveApiPages } from './http/api-pages.js';
export { HttpAdapter } from './http/http-adapter.js';
export {
  acceptAbsoluteTargets,
  answerMalformedRequests,
  HTTP_SERVER_OPTIONS,
  listen,
} from './http/http-server.js';
export {
  currentRequest,
  type RequestContext,
  requestId,
  requestIdOf,
  runOutsideRequest,
} from './http/request-context.js';
export { HttpTraffic } from './http/http-traffic.js';
export { type LeanQuery, LeanRoutes, MAX_TOKEN_LENGTH, type ServeLean } from './http/lean-routes.js';
export { SECURITY_HEADERS, securityHeaders } from './http/security-headers.js';
export { StalledBodies } from './http/stalled-bodies.js';
export { InputPipe } from './http/input.pipe.js';
export { formatTime } from './time/format-time.js';
export { positionGeoJson, positionJson } from './geo/position-json.js';
export { IsIsoTime, parseTime } from './time/iso-time.js';
export { withTimeout } from './time/with-timeout.js';
export { type BytesHold, InFlightBytes } from './limits/in-flight-bytes.js';
export { type CallerRank, FairLimiter, type LimitedCaller } from './limits/fair-limiter.js';
export { entryLimit } from './limits/entry-limit.js';
export { FairSlots, type Slot } from './limits/fair-slots.js';
export { KeyedTokenBuckets } from './limits/keyed-token-buckets.js';
export { type SharedRate, SharedRates } from './limits/shared-rates.js';
export { MAX_OWED_BURSTS, TokenBucket } from './limits/token-bucket.js';
export {
  DEFAULT_LEVEL_S,
  type LevelChange,
  LOG_LEVELS,
  LogLevel,
  type LogLevelName,
} from './logging/log-level.js';
export { Metrics } from './metrics/metrics.js';
export { keyOfCursor, type Page, pageBy, pageOf, type PageRequest, pageRequest } from './http/page.js';
export { PageDto } from './http/page.dto.js';
export { BackgroundJob, BackgroundJobs } from './jobs/background-jobs.js';
export { pacedStep } from './jobs/paced-step.js';
export { LagMonitor, type LagSource } from './jobs/lag-monitor.js';
export {
  type AcquireOptions,
  type HeldLock,
  LOCK_PROVIDER,
  type LockAttempt,
  type LockOptions,
  type LockProvider,
} from './jobs/lock.js';
export { DurableQueue, QueueBusyError } from './durable-queue/durable-queue.js';
export { AbandonedDirectories, DirectoryLostError, QueueDirectory } from './durable-queue/queue-directory.js';
export type { QueueRecord } from './durable-queue/record-format.js';
export type { SegmentContent } from './durable-queue/segment-file.js';
export { pause, retry } from './time/retry.js';
export { announceReady } from './logging/startup-banner.js';
export { LogStream } from './logging/log-stream.js';
export { createPino, PinoLogger } from './logging/pino-logger.js';
export { serializeResponse, type RawResponse, rawErrorResponse } from './http/raw-response.js';
export { PositionDto, PositionInputDto } from './geo/position.dto.js';
export { ProblemFilter } from './errors/problem.filter.js';
export { SocketErrorInterceptor } from './errors/socket-error.interceptor.js';
export { SocketErrors } from './errors/socket-errors.js';
export {
  isSamePlace,
  markerTimeMs,
  type Measurements,
  addOptionalMeasurements,
  measurementsOf,
  type Mutable,
  type Position,
  type PositionInput,
  type PositionView,
  type RecordedPosition,
  toPositionView,
  withoutOriginalFields,
} from './geo/position.js';
export {
  DUPLICATE_TEXT,
  type PositionResult,
  QUARANTINE_CODES,
  QUARANTINE_TEXTS,
  type QuarantineCode,
  REJECTION_TEXTS,
  type RejectionCode,
  type ReportAnswer,
  type Verdict,
  VERDICTS,
} from './geo/verdict.js';
export { exceedsJsonLimits } from './http/json-limits.js';
export { IsOptionalOrNull, lowerCased, PRINTABLE, trimmed } from './http/input.decorators.js';
