import 'reflect-metadata';
import { Controller, Delete, Get, Injectable, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Cache } from 'cachekit-native';
import { CachekitModule, InjectCache } from 'cachekit-native/nest';

@Injectable()
class PatientService {
  runs = 0;

  constructor(
    @InjectCache() private readonly cache: Cache,
    @InjectCache('local') private readonly local: Cache,
  ) {}

  async byId(id: string) {
    await this.local.set('last', id);
    return this.cache.getOrSet(`patient:${id}`, async () => ({ id, name: 'Ada Lovelace', runs: ++this.runs }));
  }

  forget(id: string): Promise<boolean> {
    return this.cache.delete(`patient:${id}`);
  }

  last(): Promise<string | undefined> {
    return this.local.get<string>('last');
  }
}

@Controller('patients')
class PatientController {
  constructor(private readonly patients: PatientService) {}

  @Get('last')
  async last() {
    return { last: await this.patients.last() };
  }

  @Get(':id')
  byId(@Param('id') id: string) {
    return this.patients.byId(id);
  }

  @Delete(':id')
  async forget(@Param('id') id: string) {
    return { removed: await this.patients.forget(id) };
  }
}

/** As ConfigService of @nestjs/config. */
@Injectable()
class Settings {
  readonly redisUrl = process.env.REDIS_URL;
  readonly masterKey = process.env.CACHEKIT_MASTER_KEY;
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Module({
  imports: [
    CachekitModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: ({ redisUrl, masterKey }: Settings) => ({ backend: redisUrl, masterKey, namespace: 'clinic' }),
    }),
    CachekitModule.forRoot({ name: 'local', ttl: '1m' }),
  ],
  controllers: [PatientController],
  providers: [PatientService],
})
class AppModule {}

async function main() {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  process.once('SIGTERM', () => app.close());
  console.log(`listening on ${await app.getUrl()}`);
}
void main();
