import { isError, propertyOf } from '../errors.js';

/** What an error of a library is called, in words and numbers, for a message. Its own message may quote an answer, and so a key. */
export function reasonOf(error: unknown): string {
  if (!isError(error)) return '';
  const cause = propertyOf(error, 'cause');
  const code = wordOf(propertyOf(error, 'code')) ?? (isError(cause) ? wordOf(propertyOf(cause, 'code')) : undefined);
  const status = statusOf(error);
  const words = [wordOf(propertyOf(error, 'name')), code, status === undefined ? undefined : `status ${status}`];
  const told = new Set(words.filter((word) => word !== undefined));
  return told.size === 0 ? '' : `: ${[...told].join(', ')}`;
}

/** The HTTP status, as the SDKs of AWS and of Azure tell it. */
export function statusOf(error: unknown): number | undefined {
  if (!isError(error)) return undefined;
  const metadata = propertyOf(error, '$metadata');
  const ofAws = typeof metadata === 'object' && metadata !== null ? propertyOf(metadata, 'httpStatusCode') : undefined;
  const status = ofAws ?? propertyOf(error, 'statusCode');
  return typeof status === 'number' && status >= 100 && status <= 599 ? status : undefined;
}

function wordOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isInteger(value)) return `code ${value}`;
  return typeof value === 'string' && /^[A-Za-z][\w.-]{0,39}$/.test(value) ? value : undefined;
}
