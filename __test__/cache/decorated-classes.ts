import type { CacheFunction } from '../../index.js';

/*
 * Decorated classes, as a program has them: one text that decorators.test.ts compiles for standard decorators and for those of
 * `experimentalDecorators`.
 */

export const named = Symbol('named');

export function decoratedClasses(cache: CacheFunction) {
  class Users {
    static readonly none = 'none';
    runs = 0;
    readonly prefix: string;

    constructor(prefix: string) {
      this.prefix = prefix;
    }

    @cache({ key: (id: number) => `byId:${id}` })
    async byId(id: number, end = '!'): Promise<string> {
      this.runs++;
      return this.prefix + id + end;
    }

    @cache({})
    async [named](id: number): Promise<string> {
      return `${this.prefix}named${id}`;
    }

    @cache({})
    static async make<T>(value: T): Promise<T | string> {
      return value ?? Users.none;
    }
  }

  class Admins extends Users {
    @cache({ key: (id: number) => `admin:${id}` })
    override async byId(id: number, end = '?'): Promise<string> {
      return `admin ${await super.byId(id, end)}`;
    }
  }

  class Guests extends Users {
    override async byId(id: number): Promise<string> {
      return `guest ${await super.byId(id)}`;
    }
  }

  return { Users, Admins, Guests };
}
