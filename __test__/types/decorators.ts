import { cache, createCache } from 'cachekit-native';

/* The same decorator as a standard one, and by `experimentalDecorators`: compiled both ways (see signatures.ts). */

const users = createCache();

export class Service {
  @cache.secure({ namespace: 'a', operation: 'b' })
  async user(id: number, n = 3): Promise<number> {
    return id + n;
  }

  @users.wrap({ operation: 'o', key: (id: string) => id })
  async keyed(_id: string, ..._more: number[]): Promise<Service> {
    return this;
  }

  @cache()
  async generic<V>(value: V): Promise<V> {
    return value;
  }

  async overloaded(id: number): Promise<number>;
  async overloaded(id: string): Promise<string>;
  @cache()
  async overloaded(id: number | string): Promise<number | string> {
    return id;
  }

  @cache()
  static async make(): Promise<Service> {
    return new Service();
  }

  // @ts-expect-error: its callers would be given a Promise
  @cache()
  sync(id: number): number {
    return id;
  }

  // @ts-expect-error: key takes a number
  @cache({ key: (id: number) => String(id) })
  async misfit(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error: not for accessors
  @cache()
  get size(): number {
    return 1;
  }

  // @ts-expect-error: not for fields
  @cache()
  field = async () => 1;
}

const service = new Service();
const results: [Promise<number>, Promise<Service>, Promise<string>] = [
  service.user(1),
  service.keyed('x', 1, 2),
  service.generic('x'),
];
const overloads: [Promise<number>, Promise<string>] = [service.overloaded(1), service.overloaded('x')];
void overloads;
void results;
