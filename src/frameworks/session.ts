import type { TenantCache } from '../../index.js';
import { kindOf } from '../util/bytes.js';
import { type Duration, durationMs } from '../util/options-object.js';
import { assertPrefix, listKeys, optionsWithCache, stored } from './arguments.js';

export interface SessionStoreOptions {
  /**
   * Where the sessions are kept, sealed when it has a key. With `privateKeys` the store does not see their ids either. Its store must be
   * able to give entries a new end: all but Keyv.
   */
  cache: TenantCache;
  /** Begins the cache keys of sessions. Default `'session:'`. */
  prefix?: string;
  /** Of a session whose cookie has no end. Default `'1d'`. */
  ttl?: Duration;
}

/** What express-session and `@fastify/session` export, as far as it is needed: the class that a store extends. */
export interface SessionModule<S> {
  // The types of @fastify/session have the class's instance in its place.
  readonly Store: (abstract new () => S) | S;
}

interface Session {
  cookie?: { expires?: Date | string | null; maxAge?: number };
}
type Callback<T> = (error: unknown, value?: T) => void;

/**
 * A store for express-session (Express, Connect) or `@fastify/session`. A session is kept as its JSON, and ends when its cookie does.
 *
 * A failing store is an error of the request, not a session that is not there: nobody is logged out by it. A session that does not
 * open (another key, changed bytes) is none.
 *
 * @param module express-session or `@fastify/session`.
 *
 * @example
 * app.use(session({ store: sessionStore(session, { cache }), secret, resave: false, saveUninitialized: false }));
 *
 * @throws TypeError, RangeError and ConfigurationError for wrong options.
 */
export function sessionStore<S>(module: SessionModule<S>, options: SessionStoreOptions): S {
  const { cache, prefix = 'session:', ttl = '1d' } = optionsWithCache(options, ['prefix', 'ttl']);
  assertPrefix(prefix);
  const defaultMs = durationMs('ttl', ttl);
  if (typeof module?.Store !== 'function') {
    throw new TypeError(`module must be express-session or @fastify/session, not ${kindOf(module)}`);
  }
  const keyOf = (sid: string) => prefix + sid;
  const leftMs = ({ cookie }: Session): number => {
    if (cookie?.expires) return new Date(cookie.expires).getTime() - Date.now();
    return cookie?.maxAge ?? defaultMs;
  };
  const read = async (sid: string): Promise<Session | undefined> => {
    const text = await cache.get<string>(keyOf(sid));
    if (text !== undefined) return JSON.parse(text);
    // Reading does not fail where the store does, and this does: of a session that is not there it changes nothing.
    await cache.expire(keyOf(sid), ttl);
    return undefined;
  };
  const remove = async (sid: string): Promise<void> => void (await cache.delete(keyOf(sid)));
  const write = async (sid: string, session: Session): Promise<void> => {
    const ms = leftMs(session);
    // The cookie has ended, so the session has.
    if (!(ms > 0)) return remove(sid);
    await stored(cache.set(keyOf(sid), JSON.stringify(session), { ttl: ms / 1000 }));
  };
  const touch = async (sid: string, session: Session): Promise<void> => {
    const ms = leftMs(session);
    if (!(ms > 0)) return remove(sid);
    await cache.expire(keyOf(sid), ms / 1000);
  };
  const all = async (): Promise<Session[]> => {
    const texts = await cache.getMany<string>(await listKeys(cache, prefix));
    return texts.filter((text) => text !== undefined).map((text) => JSON.parse(text));
  };
  const length = async (): Promise<number> => (await listKeys(cache, prefix)).length;
  const clear = async (): Promise<void> => void (await cache.deleteMany(await listKeys(cache, prefix)));

  class SessionStore extends (module.Store as new () => object) {
    get = (sid: string, callback?: Callback<Session | undefined>) => tell(read(sid), callback);
    set = (sid: string, session: Session, callback?: Callback<void>) => tell(write(sid, session), callback);
    destroy = (sid: string, callback?: Callback<void>) => tell(remove(sid), callback);
    touch = (sid: string, session: Session, callback?: Callback<void>) => tell(touch(sid, session), callback);
    all = (callback?: Callback<Session[]>) => tell(all(), callback);
    length = (callback?: Callback<number>) => tell(length(), callback);
    clear = (callback?: Callback<void>) => tell(clear(), callback);
  }
  return new SessionStore() as S;
}

/** Without a callback the promise is the answer. Outside of it, so that what a callback throws does not call it again. */
function tell<T>(work: Promise<T>, callback: Callback<T> | undefined): Promise<T> | undefined {
  if (callback === undefined) return work;
  work.then(
    (value) => process.nextTick(callback, null, value),
    (error) => process.nextTick(callback, error),
  );
  return undefined;
}
