import { expect, test } from 'vitest';
import { orderUpdateFaults } from '../../../../../../../sandbox/embedded/node/images/cert-manager-webhook/order-rules.ts';

const order = (...authorizations: object[]) => ({ spec: { request: 'LS0t' }, status: { authorizations } });
const challenge = { type: 'http-01', url: 'https://acme/chall/1', token: 'abc' };

test('an authorization is known by its URL first and filled in later; what is filled in stays', () => {
  const known = order({ url: 'https://acme/authz/1' });
  const filled = order({ url: 'https://acme/authz/1', identifier: 'a.example', challenges: [challenge] });
  expect(orderUpdateFaults(known, filled)).toEqual([]);
  expect(orderUpdateFaults(filled, known)).toEqual([
    'status.authorizations[0].identifier: Forbidden: field is immutable once set',
    'status.authorizations[0].challenges: Forbidden: field is immutable once set',
  ]);
  const other = order({
    url: 'https://acme/authz/1',
    identifier: 'a.example',
    challenges: [{ ...challenge, token: 'x' }],
  });
  expect(orderUpdateFaults(filled, other)).toEqual([
    'status.authorizations[0].challenges[0].token: Forbidden: field is immutable once set',
  ]);
});
