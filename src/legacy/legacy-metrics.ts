import { Injectable } from '@nestjs/common';
import { Metrics } from '../core/index.js';

export type LegacyPostKind = 'position' | 'picture' | 'crash';
/**
 * `unknown_box`: answered 201. `unusable`: answered like a success, but nothing could be stored. `refused`: unreadable or
 * too large. `limited`: over a rate limit, answered 429. `failed`: not durable, answered 503. `spooled`: durable in the spool,
 * answered like a success. `passed_on`: not durable here, but the old server has taken it. `mirror_off`: mirrored while mirrored posts are not taken, answered 503.
 */
type PostOutcome =
  | 'taken'
  | 'spooled'
  | 'passed_on'
  | 'mirror_off'
  | 'unknown_box'
  | 'unusable'
  | 'refused'
  | 'limited'
  | 'failed';
/**
 * `mirror`: nginx has sent a copy of a post that it sent to the old server too. `direct`: any other; the old server has not
 * got it.
 */
export type PostOrigin = 'direct' | 'mirror';
const POST_ORIGINS: readonly PostOrigin[] = ['direct', 'mirror'];
type JoinOutcome = 'joined' | 'not_a_room' | 'too_many';

export const POST_KINDS: readonly LegacyPostKind[] = ['position', 'picture', 'crash'];
const OUTCOMES: readonly PostOutcome[] = [
  'taken',
  'spooled',
  'passed_on',
  'mirror_off',
  'unknown_box',
  'unusable',
  'refused',
  'limited',
  'failed',
];
const JOINS: readonly JoinOutcome[] = ['joined', 'not_a_room', 'too_many'];

/** Metrics of the old server's clients. When none of them changes any more, `src/legacy` can be removed. */
@Injectable()
export class LegacyMetrics {
  private readonly posts;
  private readonly unknown;
  private readonly frames;
  private readonly joins;

  constructor(private readonly metrics: Metrics) {
    this.posts = metrics.counter({
      name: 'samserver_legacy_posts_total',
      help: 'Requests of old tracking boxes, by kind, outcome and origin: mirrored by nginx, which has sent them to the old server too, or direct.',
      labelNames: ['post', 'outcome', 'origin'],
    });
    for (const post of POST_KINDS)
      for (const outcome of OUTCOMES)
        for (const origin of POST_ORIGINS) this.posts.inc({ post, outcome, origin }, 0);
    this.unknown = metrics.counter({
      name: 'samserver_legacy_unknown_box_posts_total',
      help: 'Requests of boxes whose code belongs to no vehicle in service; see /api/v1/legacy/unknown-boxes.',
    });
    this.frames = metrics.counter({
      name: 'samserver_legacy_frames_total',
      help: 'Frames for old panels, counted once for each room.',
    });
    this.joins = metrics.counter({
      name: 'samserver_legacy_room_joins_total',
      help: 'Room joins of old panels, by outcome: joined, not a readable room, too many joins.',
      labelNames: ['outcome'],
    });
    for (const outcome of JOINS) this.joins.inc({ outcome }, 0);
  }

  post(post: LegacyPostKind, outcome: PostOutcome, origin: PostOrigin): void {
    this.posts.inc({ post, outcome, origin });
  }

  unknownBox(): void {
    this.unknown.inc();
  }

  frame(): void {
    this.frames.inc();
  }

  join(outcome: JoinOutcome): void {
    this.joins.inc({ outcome });
  }

  observeUnknownBoxCount(count: () => number): void {
    this.metrics.gauge({
      name: 'samserver_legacy_unknown_boxes',
      help: 'Box codes seen by this instance that belong to no vehicle; at most 200.',
      collect: (gauge) => gauge.set(count()),
    });
  }
}
