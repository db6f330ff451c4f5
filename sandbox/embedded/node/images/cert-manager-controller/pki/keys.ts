import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { Loose } from '../../../../../../kubernetes/object.ts';

/** What a Secret holds is not what it should be: told in conditions, and not tried again before it changes. */
export class InvalidData extends Error {}

const generate = promisify(generateKeyPair);

const smallest = 2048;
const largest = 8192;
const curves: Record<number, string> = { 256: 'prime256v1', 384: 'secp384r1', 521: 'secp521r1' };
const curveSizes: Record<string, number> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 };

/** The bits that a Certificate's `spec.privateKey` asks for. */
function wantedSize(privateKey: Loose): number {
  return privateKey?.size || (privateKey?.algorithm === 'ECDSA' ? 256 : smallest);
}

/** A new key as `spec.privateKey` of a Certificate wants it. Rejects where nobody makes such keys. */
export async function generateKey(privateKey: Loose): Promise<KeyObject> {
  const size = wantedSize(privateKey);
  switch (privateKey?.algorithm || 'RSA') {
    case 'RSA':
      if (size < smallest) throw new Error(`weak rsa key size specified: ${size}. minimum key size: ${smallest}`);
      if (size > largest) throw new Error(`rsa key size specified too big: ${size}. maximum key size: ${largest}`);
      return (await generate('rsa', { modulusLength: size })).privateKey;
    case 'ECDSA': {
      const namedCurve = curves[size];
      if (!namedCurve) throw new Error(`unsupported ecdsa key size specified: ${size}`);
      return (await generate('ec', { namedCurve })).privateKey;
    }
    case 'Ed25519':
      return (await generate('ed25519', {})).privateKey;
    default:
      throw new Error(`unsupported private key algorithm specified: ${privateKey.algorithm}`);
  }
}

/** PEM in the encoding that a Certificate names; PKCS1 means SEC 1 for elliptic curves, and PKCS8 for what has no other. */
export function encodeKey(key: KeyObject, encoding: string | undefined): string {
  const old = encoding !== 'PKCS8';
  if (old && key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }) as string;
  if (old && key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }) as string;
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

const forms: Record<string, string> = {
  'PRIVATE KEY': 'pkcs#8',
  'EC PRIVATE KEY': 'ecdsa',
  'RSA PRIVATE KEY': 'rsa',
};

/** Throws {@link InvalidData} in the words of cert-manager. */
export function decodeKey(pem: Buffer | string): KeyObject {
  const label = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/.exec(pem.toString())?.[1];
  if (!label) throw new InvalidData('error decoding private key PEM block: no PEM data was found in given input');
  const form = forms[label];
  if (!form) throw new InvalidData(`unknown private key type: ${label}`);
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new InvalidData(`error parsing ${form} private key: ${(error as Error).message}`);
  }
}

const types: Record<string, string> = { RSA: 'rsa', ECDSA: 'ec', Ed25519: 'ed25519' };

/** The fields of the spec that the key does not fulfil. */
export function keyViolations(key: KeyObject, spec: Loose): string[] {
  const algorithm = spec.privateKey?.algorithm || 'RSA';
  if (key.asymmetricKeyType !== types[algorithm]) return ['spec.privateKey.algorithm'];
  if (algorithm === 'Ed25519') return [];
  return keySize(key) === wantedSize(spec.privateKey) ? [] : ['spec.privateKey.size'];
}

function keySize(key: KeyObject): number {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  return namedCurve ? (curveSizes[namedCurve] ?? 0) : modulusLength;
}

/** How a key signs: the longer the key, the longer the hash. */
export function signingAlgorithm(key: KeyObject): Algorithm & { hash?: string; namedCurve?: string } {
  const size = keySize(key);
  if (key.asymmetricKeyType === 'ed25519') return { name: 'Ed25519' };
  if (key.asymmetricKeyType === 'ec') {
    const hash = size === 521 ? 'SHA-512' : `SHA-${size}`;
    return { name: 'ECDSA', namedCurve: `P-${size}`, hash };
  }
  const hash = size >= 4096 ? 'SHA-512' : size >= 3072 ? 'SHA-384' : 'SHA-256';
  return { name: 'RSASSA-PKCS1-v1_5', hash };
}

/** The same key for WebCrypto, which the library of certificates signs with. */
export function toPair(key: KeyObject, publicKey: KeyObject): CryptoKeyPair {
  const algorithm = signingAlgorithm(key) as never;
  return {
    privateKey: key.toCryptoKey(algorithm, false, ['sign']),
    publicKey: publicKey.toCryptoKey(algorithm, true, ['verify']),
  } as CryptoKeyPair;
}
