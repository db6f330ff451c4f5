import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject, Loose } from '../../../kubernetes/object.ts';
import type { Client } from '../../../sandbox/embedded/client/client.ts';
import { answerReview } from '../../../sandbox/embedded/node/images/cert-manager-webhook/review.ts';

interface Case {
  case: string;
  before?: KubeObject;
  object: KubeObject;
  says?: string;
  code?: number;
  warnings?: string[];
}

const file = path.resolve(import.meta.dirname, '../record/parts/cert-manager-webhook.yaml');
const { user, cases }: { user: Loose; cases: Case[] } = parse(readFileSync(file, 'utf8'));

const plurals: Record<string, string> = {
  Certificate: 'certificates',
  Issuer: 'issuers',
  ClusterIssuer: 'clusterissuers',
  CertificateRequest: 'certificaterequests',
  Order: 'orders',
  Challenge: 'challenges',
};

function reviewOf(object: KubeObject, before?: KubeObject): Loose {
  const [group, version] = object.apiVersion.split('/');
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: 'u',
      kind: { group, version, kind: object.kind },
      resource: { group, version, resource: plurals[object.kind] },
      operation: before ? 'UPDATE' : 'CREATE',
      userInfo: user,
      object,
      ...(before && { oldObject: before }),
    },
  };
}

describe('our webhook refuses what the real one refuses, in its words', () => {
  test.each(cases)('$case', async ({ object, before, says, code, warnings }) => {
    const { response } = await answerReview(reviewOf(object, before), '/validate', {} as Client);
    const { message, code: answered } = response.status;
    expect({ allowed: response.allowed, message, code: answered, warnings: response.warnings }).toEqual({
      allowed: says === undefined,
      message: says,
      code: says === undefined ? 200 : (code ?? 403),
      warnings,
    });
  });
});

test('whoever asks for a certificate is written down, whatever they said of themselves', async () => {
  const object = cases.find((one) => one.case === 'a request of nobody')!.object;
  const lying = { ...object, spec: { ...object.spec, username: 'root', extra: { liar: ['x'] } } };
  const { response } = await answerReview(reviewOf(lying), '/mutate', {} as Client);
  const [patch] = JSON.parse(Buffer.from(response.patch, 'base64').toString());
  expect(patch).toEqual({ op: 'replace', path: '/spec', value: { ...object.spec, ...user } });
});
