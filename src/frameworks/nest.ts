import { type DynamicModule, type FactoryProvider, Inject, Module, type ModuleMetadata } from '@nestjs/common';
import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { type CacheSource, openCache } from './arguments.js';

export type { CacheSource } from './arguments.js';

export interface CachekitModuleOptions {
  /** For `@InjectCache(name)`, where there are several. */
  name?: string;
  /** Whether modules need not import it. Default: true. */
  isGlobal?: boolean;
}

/** `useFactory` gives the options of `createCache`, or `{ cache }` with one that is there. */
export interface CachekitModuleAsyncOptions extends CachekitModuleOptions {
  imports?: ModuleMetadata['imports'];
  inject?: FactoryProvider['inject'];
  // biome-ignore lint/suspicious/noExplicitAny: Nest's own type, which knows nothing of what is injected
  useFactory: (...injected: any[]) => CacheSource | Promise<CacheSource>;
}

type Opened = ReturnType<typeof openCache>;

/**
 * A Nest module with a cache, which is closed when the application has shut down; one that is passed is left to its owner.
 *
 * @example
 * @Module({ imports: [CachekitModule.forRoot({ backend: 'redis://localhost', namespace: 'shop' })] })
 * class AppModule {}
 */
// biome-ignore lint/complexity/noStaticOnlyClass: what a module of Nest is
export class CachekitModule {
  /** @throws as `createCache`, when the application starts. */
  static forRoot({ name, isGlobal, ...source }: CachekitModuleOptions & CacheSource = {}): DynamicModule {
    return CachekitModule.forRootAsync({ name, isGlobal, useFactory: () => source as CacheSource });
  }

  /**
   * @throws TypeError and ConfigurationError for wrong options; as `createCache`, when the application starts.
   *
   * @example
   * CachekitModule.forRootAsync({ inject: [ConfigService], useFactory: (config) => ({ backend: config.get('REDIS_URL') }) })
   */
  static forRootAsync(options: CachekitModuleAsyncOptions): DynamicModule {
    assertOptionsObject(options, ['name', 'isGlobal', 'imports', 'inject', 'useFactory']);
    const { name, isGlobal = true, imports = [], inject = [], useFactory } = ownOptions(options);
    if (typeof useFactory !== 'function')
      throw new TypeError(`useFactory must be a function, not ${kindOf(useFactory)}`);
    const opened = Symbol(`cachekit ${name}`);
    const cache = { provide: cacheToken(name), inject: [opened], useFactory: ({ cache }: Opened) => cache };
    return {
      module: CachekitModule,
      global: isGlobal,
      imports,
      providers: [
        {
          provide: opened,
          inject,
          useFactory: async (...injected) => {
            const { cache, close } = openCache(await useFactory(...injected));
            // After the last request, which onModuleDestroy is not.
            return { cache, close, onApplicationShutdown: close };
          },
        },
        cache,
      ],
      exports: [cache.provide],
    };
  }
}
Module({})(CachekitModule);

/** Injects the cache of {@link CachekitModule}: that with this name, or that without one. */
export function InjectCache(name?: string): ReturnType<typeof Inject> {
  return Inject(cacheToken(name));
}

/** What Nest knows it by: for `app.get(cacheToken())` and `overrideProvider(cacheToken())`. */
export function cacheToken(name?: string): string {
  return name === undefined ? 'cachekit' : `cachekit:${name}`;
}
