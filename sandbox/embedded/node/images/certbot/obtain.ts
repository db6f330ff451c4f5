import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509';
import type { ContainerProcess } from '../image.ts';
import type { AcmeClient, AcmeOrder } from './acme-client.ts';
import { AcmeRefusal } from './acme-client.ts';
import type { Display } from './display.ts';
import type { Material } from './lineage.ts';
import { proveByHand } from './manual.ts';
import type { CertbotOptions } from './options.ts';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};

/** Orders a certificate, proves what is asked, and brings it. Rejects with what the server or certbot refused. */
export async function obtain(
  process: ContainerProcess,
  client: AcmeClient,
  options: CertbotOptions,
  display: Display,
): Promise<Material> {
  const order = await client.order(options.domains);
  const authorizations = [];
  for (const url of order.authorizations) authorizations.push(await client.authorization(url));
  await proveByHand(process, client, authorizations, options, display);
  const algorithm = options.keyType === 'rsa' ? RSA : EC;
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new SubjectAlternativeNameExtension(options.domains.map((value) => ({ type: 'dns' as const, value }))),
    ],
  });
  const done = await finished(process, client, await client.finalize(order, Buffer.from(request.rawData)));
  const fullchain = await client.certificate(done.certificate!);
  const end = fullchain.indexOf('-----END CERTIFICATE-----\n') + '-----END CERTIFICATE-----\n'.length;
  return {
    cert: fullchain.slice(0, end),
    chain: fullchain.slice(end),
    fullchain,
    privkey: await privatePem(keys.privateKey),
  };
}

async function finished(process: ContainerProcess, client: AcmeClient, order: AcmeOrder): Promise<AcmeOrder> {
  let now = order;
  while (now.status === 'processing' || now.status === 'ready' || now.status === 'pending') {
    await process.sleep(500);
    now = await client.orderAt(order.url);
  }
  if (now.status !== 'valid') throw new AcmeRefusal(now.error ?? { detail: 'The order is invalid' });
  return now;
}

async function privatePem(key: CryptoKey): Promise<string> {
  const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${bytes.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}
