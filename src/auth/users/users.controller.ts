import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  FailsWith,
  type Page,
  pageRequest,
} from '../../core/index.js';
import { ForRole } from '../access/access.decorators.js';
import { CreateUserDto, ListUsersDto, UpdateUserDto, UserDto, UserPageDto } from './user.dto.js';
import type { UserView } from './user.js';
import { UsersService } from './users.service.js';

@ApiTags('users')
@ForRole('admin')
@Controller('api/v1/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Post()
  @ApiOperation({ operationId: 'createUser', summary: 'Create a user' })
  @ApiCreatedResponse({ type: UserDto })
  @FailsWith('users/email-taken', 'auth/busy')
  async create(
    @Body() input: CreateUserDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<UserView> {
    const user = await this.users.create(input);
    response.location(`/api/v1/users/${user.id}`);
    return user;
  }

  @Get()
  @ApiOperation({ operationId: 'listUsers', summary: 'List users in order of creation' })
  @ApiOkResponse({ type: UserPageDto })
  list(@Query() { limit, cursor }: ListUsersDto): Promise<Page<UserView>> {
    return this.users.list(pageRequest(limit, cursor));
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getUser', summary: 'Get a user' })
  @ApiOkResponse({ type: UserDto })
  @FailsWith('users/not-found')
  get(@Param('id') id: string): Promise<UserView> {
    return this.users.get(id);
  }

  @Patch(':id')
  @ApiOperation({
    operationId: 'updateUser',
    summary: 'Change a user; a new role or password ends the sessions, live sockets included',
  })
  @ApiOkResponse({ type: UserDto })
  @FailsWith('users/not-found', 'users/email-taken', 'users/last-admin', 'users/busy', 'auth/busy')
  update(@Param('id') id: string, @Body() input: UpdateUserDto): Promise<UserView> {
    return this.users.update(id, input);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    operationId: 'deleteUser',
    summary: 'Delete a user; the sessions end, live sockets included',
  })
  @ApiNoContentResponse()
  @FailsWith('users/not-found', 'users/last-admin', 'users/busy')
  remove(@Param('id') id: string): Promise<void> {
    return this.users.remove(id);
  }
}
