import { randomBytes } from 'node:crypto';
import {
  type KeyService,
  type ServiceAnswer,
  type ServiceRequest,
  startKeyService,
  unwrap,
  wrap,
} from './key-service.js';

/** The one key of the stand-in for AWS KMS. */
export const KMS_KEY_ID = 'alias/cachekit';

/** A stand-in for AWS KMS: `Encrypt`, `Decrypt` and `GenerateDataKeyWithoutPlaintext` in its JSON 1.1 protocol, for requests that are signed. */
export function startKms(): Promise<KeyService> {
  const kek = randomBytes(32);
  return startKeyService('application/x-amz-json-1.1', (request) => {
    if (!/^AWS4-HMAC-SHA256 .*Signature=[0-9a-f]{64}$/.test(request.headers.authorization ?? '')) {
      return refusal('MissingAuthenticationTokenException');
    }
    const [service, action] = String(request.headers['x-amz-target']).split('.');
    if (service !== 'TrentService') return refusal('UnknownOperationException');
    if (action === 'Decrypt') return decrypt(kek, request);
    if (request.body.KeyId !== KMS_KEY_ID) return refusal('NotFoundException');
    if (action === 'Encrypt') return encrypted(kek, request, Buffer.from(String(request.body.Plaintext), 'base64'));
    if (action === 'GenerateDataKeyWithoutPlaintext') return encrypted(kek, request, randomBytes(32));
    return refusal('UnknownOperationException');
  });
}

function encrypted(kek: Buffer, { body }: ServiceRequest, plaintext: Buffer): ServiceAnswer {
  const CiphertextBlob = wrap(kek, plaintext, contextOf(body)).toString('base64');
  return { status: 200, body: { KeyId: KMS_KEY_ID, CiphertextBlob } };
}

function decrypt(kek: Buffer, { body }: ServiceRequest): ServiceAnswer {
  if (body.KeyId !== undefined && body.KeyId !== KMS_KEY_ID) return refusal('IncorrectKeyException');
  const plaintext = unwrap(kek, Buffer.from(String(body.CiphertextBlob), 'base64'), contextOf(body));
  if (plaintext === undefined) return refusal('InvalidCiphertextException');
  const KeyId = KMS_KEY_ID;
  const more = { EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  return { status: 200, body: { KeyId, Plaintext: plaintext.toString('base64'), ...more } };
}

function contextOf({ EncryptionContext: context = {} }: ServiceRequest['body']): string {
  return JSON.stringify(Object.entries(context as Record<string, string>).sort());
}

function refusal(type: string): ServiceAnswer {
  return { status: 400, body: { __type: type, message: 'refused by the stand-in' } };
}
