/**
 * A master key for tests: 64 hex digits, in ASCII `for tests only, never production`. Everybody knows it, so that
 * whatever is sealed with it is as good as public.
 */
export const TEST_MASTER_KEY = '666f72207465737473206f6e6c792c206e657665722070726f64756374696f6e';
