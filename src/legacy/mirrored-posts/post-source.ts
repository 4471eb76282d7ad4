import { Inject, Injectable, Logger } from '@nestjs/common';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SETTINGS, type Settings } from '../../config/index.js';
import { Clock, KeyedTokenBuckets, Metrics } from '../../core/index.js';
import type { PostOrigin } from '../legacy-metrics.js';
import { MirrorSwitch } from './mirror-switch.js';

/** Where a post came from. */
export interface PostSource {
  readonly origin: PostOrigin;
  /** nginx's id of the request, which both copies of one post have; null: it came past nginx. */
  readonly requestId: string | null;
}

/** A mirrored post while mirrored posts are not taken. Answered with 503, which nginx discards. */
export class MirrorOffError extends Error {
  constructor() {
    super('mirrored posts are not taken now');
  }
}

/** Names in the generated include of nginx, which removes them from the requests of clients. */
const MIRROR_HEADER = 'x-samserver-mirror';
const REQUEST_ID_HEADER = 'x-samserver-request-id';
/** `$request_id` of nginx: 16 random bytes. */
const REQUEST_ID = /^[0-9a-f]{32}$/;

const sources = new WeakMap<IncomingMessage, PostSource>();

/** As `PostSources.of` has found it; direct before. */
export function originOf(request: IncomingMessage): PostOrigin {
  return sources.get(request)?.origin ?? 'direct';
}

/** Recognises mirrored posts by LEGACY_MIRROR_SECRET. A post with another secret is an ordinary one. */
@Injectable()
export class PostSources {
  private readonly logger = new Logger(PostSources.name);
  private readonly digest: Buffer | null;
  private readonly wrong;
  /** One log line a minute. */
  private readonly logLines = new KeyedTokenBuckets(1, 1 / 60);

  constructor(
    @Inject(SETTINGS) { legacy }: Pick<Settings, 'legacy'>,
    private readonly mirror: MirrorSwitch,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.digest = legacy.mirror.secret === null ? null : digestOf(legacy.mirror.secret);
    this.wrong = metrics.counter({
      name: 'samserver_legacy_wrong_mirror_secrets_total',
      help: 'Posts marked as mirrored with a secret other than LEGACY_MIRROR_SECRET. They are taken as ordinary posts.',
    });
  }

  /** Called before the body is read. @throws MirrorOffError */
  of(request: IncomingMessage): PostSource {
    const secret = request.headers[MIRROR_HEADER];
    const origin = secret === undefined || !this.isValid(String(secret)) ? 'direct' : 'mirror';
    const id = request.headers[REQUEST_ID_HEADER];
    const requestId = typeof id === 'string' && REQUEST_ID.test(id) ? id : null;
    const source = { origin, requestId } as const;
    sources.set(request, source);
    if (origin === 'mirror' && !this.mirror.isOn) throw new MirrorOffError();
    return source;
  }

  private isValid(secret: string): boolean {
    if (this.digest && timingSafeEqual(digestOf(secret), this.digest)) return true;
    this.wrong.inc();
    if (this.logLines.take('secret', this.clock.nowMs()) === 0)
      this.logger.warn(
        { isSecretSet: this.digest !== null },
        'post marked as mirrored with a wrong secret, taken as an ordinary one: LEGACY_MIRROR_SECRET differs from nginx',
      );
    return false;
  }
}

/** Digests of any secrets have one length, so the comparison takes the same time. */
function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
