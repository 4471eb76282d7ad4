import { Injectable } from '@nestjs/common';
import { Metrics } from '../core/index.js';

export type LegacyPostKind = 'position' | 'picture' | 'crash';
/**
 * `unknown_box`: answered 201. `unusable`: answered as taken, and nothing in it could be kept. `refused`: unreadable or too
 * large. `failed`: not confirmed, the box was told 503.
 */
export type PostOutcome = 'taken' | 'unknown_box' | 'unusable' | 'refused' | 'failed';
export type JoinOutcome = 'joined' | 'not_a_room' | 'too_many';

const POSTS: readonly LegacyPostKind[] = ['position', 'picture', 'crash'];
const OUTCOMES: readonly PostOutcome[] = ['taken', 'unknown_box', 'unusable', 'refused', 'failed'];
const JOINS: readonly JoinOutcome[] = ['joined', 'not_a_room', 'too_many'];

/** Who still speaks as the old server's clients did: when all of it stands still, it can go. */
@Injectable()
export class LegacyMetrics {
  private readonly posts;
  private readonly unknown;
  private readonly frames;
  private readonly joins;

  constructor(private readonly metrics: Metrics) {
    this.posts = metrics.counter({
      name: 'samserver_legacy_posts_total',
      help: "Posts of the old server's boxes that were answered, by what they bring and what became of it.",
      labelNames: ['post', 'outcome'],
    });
    for (const post of POSTS) for (const outcome of OUTCOMES) this.posts.inc({ post, outcome }, 0);
    this.unknown = metrics.counter({
      name: 'samserver_legacy_unknown_box_posts_total',
      help: 'Posts of boxes that belong to no vehicle in service; /api/v1/legacy/unknown-boxes lists them.',
    });
    this.frames = metrics.counter({
      name: 'samserver_legacy_frames_total',
      help: 'Frames that were made for old panels, once for each room that one is for.',
    });
    this.joins = metrics.counter({
      name: 'samserver_legacy_room_joins_total',
      help: 'Rooms that old panels asked for: joined, no room that they may read, or too many at once.',
      labelNames: ['outcome'],
    });
    for (const outcome of JOINS) this.joins.inc({ outcome }, 0);
  }

  post(post: LegacyPostKind, outcome: PostOutcome): void {
    this.posts.inc({ post, outcome });
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
      help: 'Codes of boxes that have reported to this instance and belong to no vehicle; at most 200 are kept.',
      collect: (gauge) => gauge.set(count()),
    });
  }
}
