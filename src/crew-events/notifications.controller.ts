import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ForRole } from '../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiTags, FailsWith, type Page } from '../core/index.js';
import { ListNotificationsDto, NotificationDto, NotificationPageDto } from './notification.dto.js';
import { NotificationsService, type NotificationView } from './notifications.service.js';

@ApiTags('legacy')
@ForRole('admin')
@Controller('api/v1/legacy/notifications')
export class NotificationsController {
  constructor(private readonly notifications: NotificationsService) {}

  @Get()
  @ApiOperation({
    operationId: 'listNotifications',
    summary: 'List panel notifications by state, in the order of recording',
  })
  @ApiOkResponse({ type: NotificationPageDto })
  list(@Query() { state, limit, cursor }: ListNotificationsDto): Promise<Page<NotificationView>> {
    return this.notifications.list(state, limit, cursor);
  }

  @Post(':id/retry')
  @HttpCode(200)
  @ApiOperation({ operationId: 'retryNotification', summary: 'Retry a notification that was given up' })
  @ApiOkResponse({ type: NotificationDto })
  @FailsWith('notifications/not-found', 'notifications/not-dead')
  retry(@Param('id') id: string): Promise<NotificationView> {
    return this.notifications.retry(id);
  }
}
