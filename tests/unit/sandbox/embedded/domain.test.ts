import { expect, test } from 'vitest';
import { domainFault, isBelow } from '../../../../sandbox/embedded/domain.ts';

test.each(['learner.localhost', 'kub.example.org', 'a', 'x1.y-2.z'])('%s can hold hosts', (domain) => {
  expect(domainFault(domain)).toBeUndefined();
});

test.each([
  ['Learner.localhost', 'is no domain of lower-case letters'],
  ['-x.localhost', 'is no domain of lower-case letters'],
  [`${'x'.repeat(64)}.localhost`, 'is no domain of lower-case letters'],
  [`${'x.'.repeat(86)}localhost`, 'is no domain of lower-case letters'],
  ['', 'is no domain of lower-case letters'],
  ['127.0.0.1', 'is an address, not a domain'],
  ['localhost', 'is this machine itself'],
  ['x.svc', 'is below svc, which leads elsewhere in clusters'],
  ['my.cluster.local', 'is below cluster.local'],
  ['zone.atelier.internal', 'is below internal'],
])('%s cannot', (domain, fault) => {
  expect(domainFault(domain)).toMatch(fault);
  expect(domainFault(domain)).toMatch(/: give one such as learner\.localhost$/);
});

test('below is whole labels', () => {
  expect(isBelow('x.learner.localhost', 'learner.localhost')).toBe(true);
  expect(isBelow('learner.localhost', 'learner.localhost')).toBe(true);
  expect(isBelow('xlearner.localhost', 'learner.localhost')).toBe(false);
});
