/**
 * Proves that the tests can fail. Each fault breaks one promise in a copy of the source; the named specs must then fail.
 *
 *     npm run faults                 every fault, two at a time
 *     npm run faults -- <text>       the faults whose description contains the text
 *     npm run faults -- --check      runs no test: every entry names an existing file, its text, and existing specs
 *
 * Exit code 1: a fault that no test sees, or an entry that does not fit the source.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
/** For two cores: each run of Jest uses one core. */
const RUNS_AT_ONCE = 2;
/** With a fault, most waits of a test end with a time-out. A short limit keeps the run short. */
const WAIT_LIMIT_MS = 20_000;
/** Longest run of the specs of one fault. A run that hangs counts as a failed one. */
const RUN_LIMIT_MS = 300_000;

/** What is broken, where, how, and the specs that must see it (patterns of Jest). */
const FAULTS = [
  {
    what: 'a check of the database on a closing connection never ends, and the service never connects again',
    file: 'src/database/closed-connections.ts',
    from: "if (!wasClosed) this.socket.emit('error', error);",
    to: '',
    specs: ['database/closed-connections'],
  },
  {
    what: 'preflight shows the value of every setting',
    file: 'src/migration/preflight/settings/settings-plan.ts',
    from: "if (shown === 'never') return null;",
    to: '',
    specs: ['src/migration/preflight/settings/settings-plan'],
  },
  {
    what: 'a required check of preflight that could not be made does not forbid the next phase',
    file: 'src/migration/preflight/check.ts',
    from: "return status === 'failed' || (status === 'not checked' && CHECKS[id].isRequired);",
    to: "return status === 'failed' && CHECKS[id].isRequired;",
    specs: ['src/migration/preflight/report'],
  },
  {
    what: 'preflight prints text from outside as it is',
    file: 'src/migration/preflight/secret-censor.ts',
    from: 'cleaned = printable(cleaned);',
    to: '',
    specs: ['src/migration/preflight/report', 'src/migration/preflight/secret-censor'],
  },
  {
    what: 'all pipelined requests of a connection are handled at once',
    file: 'src/core/http/pipelined-requests.ts',
    from: 'if (response.socket) return serve({ request, response });',
    to: 'return serve({ request, response });',
    specs: ['integration/connection-limits'],
  },
  {
    what: 'a body in progress counts no bytes',
    file: 'src/core/http/json-bodies.ts',
    from: 'hold.add(bytes) ? null : tooManyBodies()',
    to: 'bytes > -1 ? null : tooManyBodies()',
    specs: ['integration/hostile-http'],
  },
  {
    what: 'a position is acknowledged before it is written',
    file: 'src/tracking/ingest/positions.service.ts',
    from: 'const { results, recorded, hasConflicts } = await this.writer.write(group, validated);',
    to: 'const { results } = validated; const hasConflicts = false; void this.writer.write(group, validated).catch(() => undefined); const recorded = group.map((position) => ({ position, late: false, recordedAtMs: this.clock.nowMs() }));',
    specs: ['e2e/kill', 'integration/positions'],
  },
  {
    what: 'the embedded database does not check that a key is unique',
    file: 'src/embedded-mongo/engine.ts',
    from: 'if (!this.store.add(key, document.raw)) throw',
    to: 'if (!this.store.add(key, document.raw) && false) throw',
    specs: ['integration/embedded-mongo', 'integration/positions'],
  },
  {
    what: 'the last frame is never sent to a subscriber',
    file: 'src/gateway/subscriptions/live-streams.ts',
    from: 'setTimeout(() => this.flush(group), waitMs > 0 ? waitMs : MAX_WRITE_WAIT_MS),',
    to: 'setTimeout(() => this.timers.delete(group), waitMs > 0 ? waitMs : MAX_WRITE_WAIT_MS),',
    specs: ['integration/positions'],
  },
  {
    what: 'a fix that is sent again is stored twice',
    file: 'src/tracking/ingest/position-validator.ts',
    from: "if (same && isSamePlace(same, position)) return { verdict: 'duplicate' };",
    to: '',
    specs: ['integration/verdicts'],
  },
  {
    what: 'a jump is stored instead of quarantined',
    file: 'src/tracking/ingest/position-validator.ts',
    from: 'return travelledM / timeS <= limits.maxSpeedMps;',
    to: 'return travelledM / timeS <= limits.maxSpeedMps || true;',
    specs: ['integration/verdicts'],
  },
  {
    what: 'every position of a vehicle that really moved stays quarantined',
    file: 'src/tracking/ingest/position-validator.ts',
    from: "if (sequence.length === 0) return quarantined(position, 'jump');",
    to: "return quarantined(position, 'jump');",
    specs: ['integration/verdicts'],
  },
  {
    what: 'a fix of a clock that fell back by years is stored',
    file: 'src/tracking/ingest/position-validator.ts',
    from: "if (isClockStale(position, newestMs, limits)) return 'stale_clock';",
    to: '',
    specs: ['integration/verdicts'],
  },
  {
    what: 'a position that is committed late is missing from the replay of a newer cursor',
    file: 'src/tracking/ingest/late-commits.ts',
    from: 'if (late.length === 0) return renewed;',
    to: 'return renewed;',
    specs: ['integration/late-commits'],
  },
  {
    what: 'a cursor passes the positions of an instance whose entries do not arrive',
    file: 'src/cluster/event-stream.ts',
    from: 'if (!isSharing || this.mustFollowStorage) {',
    to: 'if (!isSharing) {',
    specs: ['cluster/event-stream'],
  },
  {
    what: 'a vehicle whose clock stands still is shown like any other',
    file: 'src/tracking/ingest/device-clocks.ts',
    from: 'this.change(vehicleId, sinceMs);',
    to: '',
    specs: ['integration/device-clocks'],
  },
  {
    what: 'retention deletes a fix that arrived today, because its own time is old',
    file: 'src/tracking/retention.repository.ts',
    from: 'receivedAt: { $lt: receivedBefore },',
    to: '',
    specs: ['integration/retention'],
  },
  {
    what: 'a device clock that is ahead freezes the live marker',
    file: 'src/core/geo/position.ts',
    from: 'return Math.min(position.timeMs, position.receivedAtMs);',
    to: 'return position.timeMs;',
    specs: ['integration/verdicts'],
  },
  {
    what: 'a revoked device stays connected',
    file: 'src/gateway/transport/revoked-socket-closer.ts',
    from: 'if (isRevokedBy(socket.data.principal, revocation)) socket.conn.close();',
    to: 'if (isRevokedBy(socket.data.principal, revocation)) continue;',
    specs: ['integration/vehicles'],
  },
  {
    what: 'a subscriber that reconnects does not get the missed positions',
    file: 'src/gateway/subscriptions/live-replay.ts',
    from: 'await this.catchUp(stream, sinceMs - OVERLAP_MS);',
    to: 'await this.catchUp(stream, Date.now());',
    specs: ['integration/live'],
  },
  {
    what: 'many messages within one turn make every subscriber slow',
    file: 'src/gateway/subscriptions/socket-subscriber.ts',
    from: 'for (const { data } of writeBuffer) bytes += data?.length ?? 0;',
    to: 'if (writeBuffer.length > 32) bytes = Infinity;',
    specs: ['integration/live'],
  },
  {
    what: 'a handler without an access rule is public',
    file: 'src/auth/access/access.guard.ts',
    from: "if (access === 'public') return true;",
    to: "if (access === 'public' || access === undefined) return true;",
    specs: ['src/auth/access/access.guard'],
  },
  {
    what: 'a database outage is answered with 500',
    file: 'src/database/storage-errors.ts',
    from: 'error instanceof Error && isOutage(error) ? storageUnavailable(error) : null;',
    to: 'null;',
    specs: ['src/database/storage-errors'],
  },
  {
    what: 'a replaced refresh token stays valid',
    file: 'src/auth/sessions/session.ts',
    from: 'GRACE_MS = 30_000',
    to: 'GRACE_MS = 30_000_000',
    specs: ['integration/auth'],
  },
  {
    what: 'a refresh token two rotations back ends the session at once',
    file: 'src/auth/sessions/session.ts',
    from: 'return [...earlier, last].filter(',
    to: 'return [...earlier.slice(0, 0), last].filter(',
    specs: ['integration/auth'],
  },
  {
    what: 'each instance runs a periodic job that one instance runs for all',
    file: 'src/core/jobs/background-jobs.ts',
    from: 'const minPauseMs = isForced ? 0 : intervalMs',
    to: 'const minPauseMs = 0',
    specs: ['core/jobs/background-jobs', 'integration/locks'],
  },
  {
    what: 'each instance writes the crashes of every instance to the old collection',
    file: 'src/legacy/shared-collections/mirror-sources.ts',
    from: "offer([crash]), 'this-instance');",
    to: 'offer([crash]));',
    specs: ['integration/work-once'],
  },
  {
    what: 'the old documents of a vehicle do not say when it reported',
    file: 'src/legacy/shared-collections/tracking-update.ts',
    from: '    updatedAt: new Date(updatedAtMs),',
    to: '    updatedAt: new Date(0),',
    specs: ['legacy/shared-collections/tracking-update', 'integration/legacy-collections'],
  },
  {
    what: 'a panel receives a crash before its document is there',
    file: 'src/crashes/crashes.service.ts',
    from: "await this.events.publishAndWait('crash.stored', crash);",
    to: '',
    specs: ['integration/legacy-collections', 'old-readers/old-readers'],
  },
  {
    what: 'the newest open request counts instead of the oldest',
    file: 'src/legacy/open-requests/open-requests.service.ts',
    from: 'open.toReversed().map(',
    to: 'open.map(',
    specs: ['integration/open-requests'],
  },
  {
    what: 'a speeding episode gets a new id with each write',
    file: 'src/legacy/shared-collections/speeding-episodes.ts',
    from: 'const known = run.find((point) => point.id !== undefined)?.id;',
    to: 'const known = undefined;',
    specs: ['legacy/shared-collections/speeding-episodes'],
  },
  {
    what: 'an old document is written over a change of another program',
    file: 'src/legacy/shared-collections/tracking-collections.repository.ts',
    from: 'return { _id, count_datetime, updatedAt };',
    to: 'return { _id, count_datetime };',
    specs: ['integration/legacy-collections'],
  },
  {
    what: 'an unconfirmed position that another instance has stored is published twice',
    file: 'src/tracking/ingest/in-doubt-writes.ts',
    from: 'if (!receivedAtMs.includes(found.position.receivedAtMs)) {',
    to: 'if (!receivedAtMs.length) {',
    specs: ['integration/work-once'],
  },
  {
    what: 'a process that has lost the schema lock still records its step',
    file: 'src/database/lock.repository.ts',
    from: 'const held = { _id: this.id, owner, epoch, lockedUntil: { $gt: now } };',
    to: 'const held = { _id: this.id, ...(owner === String(epoch) && { lockedUntil: now }) };',
    specs: ['integration/schema-steps'],
  },
  {
    what: 'the schema lock uses the clock of the machine instead of that of the database',
    file: 'src/database/database-time.ts',
    from: 'return localTime;',
    to: 'return new Date(Math.max(Date.now(), Number(localTime) * 0));',
    specs: ['e2e/schema.spec'],
  },
  {
    what: 'a contract step is not announced before the check of live instances',
    file: 'src/database/migrations/schema-migrator.ts',
    from: 'await lock.update(() => ({ contractingTo: step.version }));',
    to: '',
    specs: ['integration/schema-steps'],
  },
  {
    what: 'an instance repeats a failed schema step by itself',
    file: 'src/database/migrations/schema-gate.service.ts',
    from: 'if (failed || run.length === 0) return;',
    to: 'if (run.length === 0) return; const retryFailed = failed !== null; if (retryFailed) await this.migrations.up({ signal, retryFailed });',
    specs: ['integration/schema-start'],
  },
  {
    what: 'an index of a model is missing in the schema steps',
    file: 'src/database/migrations/0001-first-collections.ts',
    from: ', { key: { role: 1 } }',
    to: '',
    specs: ['integration/schema-start'],
  },
  {
    what: 'one failed ping makes an instance not ready',
    file: 'src/health/check-runner.ts',
    from: 'if (known.failures >= this.failureThreshold) known.isConfirmed = true;',
    to: 'known.isConfirmed = true;',
    specs: ['src/health/check-runner'],
  },
  {
    what: 'a draining instance is ready',
    file: 'src/deployment/instance-lifecycle.ts',
    from: "if (isDraining) return 'draining';",
    to: '',
    specs: ['src/deployment/instance-lifecycle', 'integration/drain'],
  },
  {
    what: 'anonymous callers see the details of readiness',
    file: 'src/health/health.controller.ts',
    from: 'if (token === null) return false;',
    to: 'if (token === null) return true;',
    specs: ['integration/health'],
  },
  {
    what: 'a large write waits without limit for a database that does not read',
    file: 'src/database/operation-time-limit.ts',
    from: 'return withinLimit(limitMs, (signal) => {',
    to: 'return withinLimit(600_000, (signal) => {',
    specs: ['integration/stalled-write'],
  },
  {
    what: 'an old box gets a success before its position is written',
    file: 'src/legacy/boxes/boxes.service.ts',
    from: "this.metrics.post('position', await this.spool.submit(record), source.origin),",
    to: 'void this.spool.submit(record).catch(() => undefined),',
    specs: ['integration/legacy-boxes'],
  },
  {
    what: 'a post whose answer is lost is sent to the old server again',
    file: 'src/legacy/tee/tee-lanes.ts',
    from: "return post.kind === 'crash' && post.vehicleId !== null ? 'again' : { outcome: 'uncertain', answer };",
    to: "return 'again';",
    specs: ['tee/post-tee'],
  },
  {
    what: 'a post for the old server is sent without a mark on the disk',
    file: 'src/legacy/tee/post-tee.service.ts',
    from: 'beforeSending: () => this.store.markSent(id, stored),',
    to: 'beforeSending: async () => undefined,',
    specs: ['tee/post-tee'],
  },
  {
    what: 'all owed posts are in memory while storage is away',
    file: 'src/legacy/tee/owed-posts.ts',
    from: 'if (isOrdered && this.waiting.length < MAX_IN_MEMORY) {',
    to: 'if (isOrdered) {',
    specs: ['tee/tee-bounds'],
  },
  {
    what: 'the shared collections are written while the old server writes them',
    file: 'src/legacy/shared-collections/mirror-sources.ts',
    from: 'return this.roles.isWriter ? this.writeOwed(ours) : 0;',
    to: 'return this.writeOwed(ours);',
    specs: ['shared-collections/mirror-sources'],
  },
  {
    what: 'what the old server has got is written after the change',
    file: 'src/legacy/shared-collections/mirror-sources.ts',
    from: 'return this.roles.isWriter ? this.writeOwed(ours) : 0;',
    to: 'return this.roles.isWriter ? this.writeOwed(items) : 0;',
    specs: ['integration/legacy-roles'],
  },
  {
    what: 'a notification that the old server has sent is sent again',
    file: 'src/crew-events/crew-events.repository.ts',
    from: "sendState: isShadow ? 'shadow' : late",
    to: 'sendState: late',
    specs: ['integration/legacy-roles'],
  },
  {
    what: 'a cursor passes what this service must write later',
    file: 'src/legacy/shared-collections/mirror.ts',
    from: 'if (!this.role.isWriter && (await this.source.hasUnwritten(page))) {',
    to: 'if (this.role.epoch === -1) {',
    specs: ['shared-collections/mirror.spec'],
  },
  {
    what: 'the mirrored and the direct copy of a post are two records',
    file: 'src/legacy/mirrored-posts/recent-requests.ts',
    from: 'if (known && Math.abs(nowMs - known.atMs) < REMEMBERED_MS) return known.arrival;',
    to: '',
    specs: ['integration/legacy-mirror'],
  },
  {
    what: 'pictures get into the volume while the old server writes it',
    file: 'src/legacy/boxes/box-picture-writer.ts',
    from: 'if (isOurs && this.roles.isWriter) return',
    to: 'if (this.roles.epoch !== -1) return',
    specs: ['integration/legacy-mirror'],
  },
  {
    what: 'the time of arrival of an old box is not strictly ascending',
    file: 'src/legacy/boxes/arrival-times.ts',
    from: 'timeMs: Math.max(nowMs, slowest)',
    to: 'timeMs: Math.max(nowMs, slowest * 0)',
    specs: ['legacy/boxes/arrival-times'],
  },
  {
    what: 'a box code that a vehicle has just got is still answered as unknown',
    file: 'src/legacy/boxes/box-directory.ts',
    from: 'while (this.ageMs > maxAgeMs) {',
    to: 'while (this.ageMs > maxAgeMs && this.boxes.size === 0) {',
    specs: ['integration/legacy-boxes'],
  },
  {
    what: 'the code of an old box is used as a path',
    file: 'src/legacy/boxes/legacy-picture-path.ts',
    from: 'if (PLAIN.test(code) && code !== UPLOADS_DIRECTORY) return code;',
    to: 'if (code.length > 0) return code;',
    specs: ['integration/legacy-pictures'],
  },
  {
    what: 'a client uses up the rate of an old box at another address',
    file: 'src/legacy/boxes/post-limits.ts',
    from: 'take(`${vehicleId} ${network}`)',
    to: 'take(vehicleId)',
    specs: ['legacy/boxes/post-limits'],
  },
  {
    what: 'every crash report of a bouncing contact is stored',
    file: 'src/crashes/crashes.service.ts',
    from: 'last.reportedAt.getTime()) < SAME_CRASH_MS)',
    to: 'last.reportedAt.getTime()) < 0)',
    specs: ['crashes/crashes.service'],
  },
  {
    what: 'a request of an old box in the spool gets its success before it is flushed',
    file: 'src/core/durable-queue/durable-queue.ts',
    from: 'await assertOwned?.();',
    to: 'void assertOwned?.().catch(() => undefined);',
    specs: ['durable-queue/durable-queue'],
  },
  {
    what: 'a changed byte in the spool hides the requests behind it',
    file: 'src/core/durable-queue/record-format.ts',
    from: 'if (recordAt(segment, at)) return at;',
    to: 'if (!recordAt(segment, at)) return segment.length;',
    specs: ['durable-queue/record-format'],
  },
  {
    what: 'requests of an old box overtake those in the spool',
    file: 'src/legacy/spool/post-spool.service.ts',
    from: 'if (!this.queues.isEmpty(post.kind)) {',
    to: 'if (this.queues === null) {',
    specs: ['spool/post-spool'],
  },
  {
    what: 'the time of a log-in shows a hash of the old server',
    file: 'src/auth/users/passwords.ts',
    from: 'Math.max(0, ROUNDS - rounds)',
    to: '0 * rounds',
    specs: ['integration/auth'],
  },
  {
    what: 'guesses from many networks refuse a network in use',
    file: 'src/auth/access/caller-ranks.ts',
    from: 'if (!call || call.caller || this.known.has(key))',
    to: 'if (!call || call.caller)',
    specs: ['integration/rate-limits'],
  },
  {
    what: 'a picture of an old box overwrites an existing file',
    file: 'src/images/upload/linked-file.ts',
    from: 'await this.link();',
    to: 'await unlink(this.absolutePath).catch(() => undefined); await this.link();',
    specs: ['integration/legacy-pictures'],
  },
  {
    what: 'a kill before the record of a picture of a box leaves its file for ever',
    file: 'src/images/upload/incoming-sweep.ts',
    from: 'PART_FILE_NAME, LINKED_FILE_NAME])',
    to: 'PART_FILE_NAME])',
    specs: ['integration/legacy-pictures'],
  },
  {
    what: 'retention deletes a picture that a document of another program shows',
    file: 'src/images/retention/retention-planner.ts',
    from: 'shown.has(image.path) || ',
    to: '',
    specs: ['integration/image-retention'],
  },
  {
    what: 'retention deletes pictures of the old server without a setting',
    file: 'src/images/retention/retention-rules.ts',
    from: "if (origin === 'adopted' && retentionAdopted === 'keep') return false;",
    to: '',
    specs: ['integration/image-retention'],
  },
  {
    what: 'the oldest pictures are deleted by default when the volume is full',
    file: 'src/config/feature-settings.ts',
    from: "default: 'refuse',",
    to: "default: 'replace',",
    specs: ['src/config/load-settings'],
  },
  {
    what: 'two requests of a box within a second become one document',
    file: 'src/legacy/shared-collections/legacy-snapshot.ts',
    from: 'if (one.at && other.at) return one.at.getTime() === other.at.getTime();',
    to: '',
    specs: ['shared-collections/legacy-snapshot'],
  },
  {
    what: 'an old panel can join any room',
    file: 'src/legacy/panels/panels.service.ts',
    from: '|| !this.rooms.has(kind)',
    to: '',
    specs: ['integration/legacy-panels'],
  },
  {
    what: 'old panels get late positions',
    file: 'src/legacy/panels/panel-frame-publisher.ts',
    from: 'if (late) continue;',
    to: '',
    specs: ['integration/legacy-panels'],
  },
  {
    what: 'an instance does not notice a missing entry of the event stream',
    file: 'src/cluster/stream-members.ts',
    from: 'const isComplete = isFirstSeen ||',
    to: 'const isComplete = true ||',
    specs: ['integration/shared-events'],
  },
  {
    what: 'an entry of the event stream that was not written leaves no hole',
    file: 'src/cluster/stream-writer.ts',
    from: 'this.metrics.recordLost(events.length);',
    to: 'this.sequence -= 1; this.metrics.recordLost(events.length);',
    specs: ['integration/shared-events'],
  },
  {
    what: 'each instance counts wrong log-ins alone',
    file: 'src/cluster/shared-limits.ts',
    from: 'if (!this.redis.isUp) return',
    to: 'if (this.redis.isConfigured) return',
    specs: ['integration/shared-limits'],
  },
  {
    what: 'each instance allows a device and an old box the whole rate',
    file: 'src/cluster/rate-sharing.ts',
    from: 'if (spent.length === 0 || !this.redis.isUp) return;',
    to: 'if (spent.length >= 0) return;',
    specs: ['integration/shared-limits'],
  },
  {
    what: 'a subscriber drops its cursor when its stream ends twice',
    file: 'src/tools/client/subscriber-client.ts',
    from: "if (reason === 'replay_limit') this.lastCursor = undefined;",
    to: "if (reason === 'replay_limit' || this.isReplayPending) this.lastCursor = undefined;",
    specs: ['src/tools/client/subscriber-client'],
  },
  {
    what: 'a post that is acknowledged and not stored is no loss for load',
    file: 'src/migration/load/ledger.ts',
    from: "return copies === 1 ? 'once' : 'lost';",
    to: "return 'once';",
    specs: ['load/ledger'],
  },
  {
    what: 'load goes to a host of which one address is this machine',
    file: 'src/migration/load/own-targets.ts',
    from: 'if (isLoopback(address) || ownAddresses.has(address)) continue;',
    to: 'if (isLoopback(address) || ownAddresses.has(address)) break;',
    specs: ['load/own-targets'],
  },
  {
    what: 'compare takes a late one beyond the lag window for equal',
    file: 'src/migration/compare/window-matcher.ts',
    from: 'if (Math.abs(lagMs) > this.options.lagMs)',
    to: 'if (Math.abs(lagMs) > this.horizonMs)',
    specs: ['compare/window-matcher'],
  },
  {
    what: 'the report of compare shows text from outside as HTML',
    file: 'src/migration/escape-html.ts',
    from: "'<': '&lt;',",
    to: "'<': '<',",
    specs: ['compare/compare.spec'],
  },
  {
    what: 'a notification of a vehicle that `ambulances` does not have is sent to the panel',
    file: 'src/crew-events/panel-notification-sender.ts',
    from: 'if (!(await this.dispatchSystem.hasAmbulance(waiting.ambulanceId))) {',
    to: 'if (waiting === null) {',
    specs: ['integration/crew-events'],
  },
  {
    what: 'a panel that closes every connection is asked on and on',
    file: 'src/crew-events/panel-notification-sender.ts',
    from: 'this.breaker.record(ending, beganMs, performance.now());',
    to: '',
    specs: ['e2e/old-notifications'],
  },
  {
    what: 'the panel is notified by the speed that the position itself has stored',
    file: 'src/crew-events/panel-notification-rules.ts',
    from: 'speedNotification(speedMps * 3.6, speedKmh, rules.speedLimitsKmh)',
    to: 'speedNotification(speedMps * 3.6, storedSpeedKmh(speedMps), rules.speedLimitsKmh)',
    specs: ['crew-events/panel-notification-rules'],
  },
];

const argument = process.argv[2];
process.exitCode = argument === '--check' ? check() : await run(argument);

/** @returns the exit code */
function check() {
  const specs = ['src', 'test']
    .flatMap((part) => readdirSync(join(root, part), { recursive: true }).map((path) => `${part}/${path}`))
    .filter((path) => path.endsWith('.spec.ts'));
  const complaints = FAULTS.flatMap(({ what, file, from, specs: patterns }) => [
    ...(existsSync(join(root, file))
      ? textOf(file).includes(from)
        ? []
        : [`${what}: ${file} does not contain: ${from}`]
      : [`${what}: there is no ${file}`]),
    ...patterns
      .filter((pattern) => !specs.some((path) => new RegExp(pattern).test(path)))
      .map((pattern) => `${what}: no spec matches ${pattern}`),
  ]);
  for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
  return complaints.length === 0 ? 0 : 1;
}

/** @returns the exit code */
async function run(text) {
  if (check() !== 0) return 1;
  spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  const waiting = FAULTS.filter(({ what }) => text === undefined || what.includes(text));
  if (waiting.length === 0) {
    process.stderr.write(`no fault matches: ${text}\n`);
    return 1;
  }
  let unseen = 0;
  const work = async () => {
    for (let fault = waiting.shift(); fault; fault = waiting.shift()) {
      const red = await failedTestsWith(fault);
      if (red.length === 0) unseen += 1;
      const lines = red.slice(0, 4).map((test) => `            ${test}\n`);
      process.stdout.write(`${red.length === 0 ? 'NOT SEEN' : 'seen    '}  ${fault.what}\n${lines.join('')}`);
    }
  };
  await Promise.all(Array.from({ length: RUNS_AT_ONCE }, work));
  return unseen === 0 ? 0 : 1;
}

async function failedTestsWith({ file, from, to, specs }) {
  const directory = mkdtempSync(join(tmpdir(), 'samserver-fault-'));
  const copy = join(directory, 'clone');
  try {
    for (const part of [
      'src',
      'test',
      'bench',
      'docs',
      'package.json',
      'tsconfig.json',
      'tsconfig.build.json',
      'jest.config.mjs',
      '.env.example',
    ]) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    symlinkSync(resolve(root, '../shared'), join(directory, 'shared'));
    writeFileSync(
      join(copy, file),
      textOf(file).replace(from, () => to),
    );
    // Whole processes run the compiled code; Jest compiles the source itself, and no fault is in a worker.
    if (specs.some((spec) => spec.startsWith('e2e/')))
      await finished('npx', ['tsc', '-p', 'tsconfig.build.json', '--noCheck'], { cwd: copy });
    else symlinkSync(join(root, 'dist'), join(copy, 'dist'));
    const report = join(directory, 'report.json');
    await finished(
      process.execPath,
      [
        '--experimental-vm-modules',
        'node_modules/jest/bin/jest.js',
        '--runInBand',
        '--testTimeout=60000',
        '--json',
        `--outputFile=${report}`,
        ...specs,
      ],
      {
        cwd: copy,
        timeout: RUN_LIMIT_MS,
        killSignal: 'SIGKILL',
        env: { ...process.env, SAMSERVER_KILLS: '3', TEST_WAIT_LIMIT_MS: String(WAIT_LIMIT_MS) },
      },
    );
    if (!existsSync(report)) return [`the run did not end within ${RUN_LIMIT_MS / 1000} s`];
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    return testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function textOf(file) {
  return readFileSync(join(root, file), 'utf8');
}

function finished(command, args, options) {
  return new Promise((settle) => {
    spawn(command, args, { ...options, stdio: 'ignore' }).once('close', settle);
  });
}
