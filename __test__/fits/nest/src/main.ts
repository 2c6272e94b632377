import 'reflect-metadata';
import assert from 'node:assert/strict';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  Inject,
  Injectable,
  Module,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { cache, cachedMethod, createCache } from 'cachekit-native';

const masterKey = '5a'.repeat(32);
const shared = createCache({ masterKey, namespace: 'users', ttl: '1m' });

interface User {
  id: number;
  name: string;
}

@Injectable()
class UserService {
  runs = 0;

  @cache.secure({ masterKey, namespace: 'users', operation: 'byId' })
  async byId(id: number, prefix = 'user'): Promise<User> {
    this.runs++;
    if (id === 0) throw new NotFoundException();
    return { id, name: `${prefix} ${id}` };
  }
}

@Injectable()
class RoleGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    return this.reflector.get<string>('role', context.getHandler()) !== 'nobody';
  }
}

@Controller('users')
class UserController {
  runs = 0;

  constructor(@Inject(UserService) private readonly users: UserService) {}

  @Get('service/:id')
  service(@Param('id', ParseIntPipe) id: number): Promise<User> {
    return this.users.byId(id);
  }

  // The cache is outermost: what the others have noted on the method must be on the cached one.
  @cache.secure({ masterKey, namespace: 'users', operation: 'outermost' })
  @Get('outermost/:id')
  @Header('x-order', 'outermost')
  async outermost(@Param('id', ParseIntPipe) id: number): Promise<User & { runs: number }> {
    return { ...(await this.users.byId(id)), runs: ++this.runs };
  }

  // The cache is innermost: the others note theirs on the cached method.
  @Get('innermost/:id')
  @Header('x-order', 'innermost')
  @cache.secure({ masterKey, namespace: 'users', operation: 'innermost' })
  async innermost(@Param('id', ParseIntPipe) id: number): Promise<User & { runs: number }> {
    return { ...(await this.users.byId(id)), runs: ++this.runs };
  }

  @shared.wrap({ operation: 'guarded' })
  @SetMetadata('role', 'nobody')
  @UseGuards(RoleGuard)
  @Get('guarded')
  async guarded(): Promise<string> {
    return 'never seen';
  }

  @Post('forget/:id')
  @HttpCode(200)
  async forget(@Param('id', ParseIntPipe) id: number): Promise<{ was: boolean }> {
    return { was: await cachedMethod(this.users, 'byId').invalidate(id) };
  }
}

/** Its parameter is found by its type, which esbuild does not emit. */
@Controller('typed')
class TypedController {
  constructor(private readonly users: UserService) {}

  @shared.wrap({ operation: 'typed' })
  @Get(':id')
  async typed(@Param('id', ParseIntPipe) id: number): Promise<string> {
    return (await this.users.byId(id)).name;
  }
}

const types = process.argv[2] === 'types';

@Module({
  controllers: types ? [UserController, TypedController] : [UserController],
  providers: [UserService, RoleGuard],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
await app.listen(0, '127.0.0.1');
const url = await app.getUrl();
const ask = async (path: string, method = 'GET') => {
  const answer = await fetch(`${url}/${path}`, { method });
  const text = await answer.text();
  return {
    status: answer.status,
    order: answer.headers.get('x-order'),
    body: text.startsWith('{') ? JSON.parse(text) : text,
  };
};

const users = app.get(UserService);
const ada = { id: 7, name: 'user 7' };
assert.deepEqual((await ask('users/service/7')).body, ada);
assert.deepEqual((await ask('users/service/7')).body, ada);
assert.equal(users.runs, 1);
assert.equal((await ask('users/service/x')).status, 400);
assert.equal((await ask('users/service/0')).status, 404);

for (const [order, runs] of [
  ['outermost', 1],
  ['innermost', 2],
] as const) {
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await ask(`users/${order}/7`), { status: 200, order, body: { ...ada, runs } });
  }
}
assert.equal((await ask('users/guarded')).status, 403);
assert.deepEqual((await ask('users/forget/7', 'POST')).body, { was: true });
assert.deepEqual((await ask('users/forget/7', 'POST')).body, { was: false });
if (types) assert.deepEqual((await ask('typed/8')).body, 'user 8');

await app.close();
await shared.close();
