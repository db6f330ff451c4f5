import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttpsTransport } from '../../../../../../sandbox/embedded/client/https-transport.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';

const path = '/atelier.dev/clock';
const cronJobs = { group: 'batch', version: 'v1', resource: 'cronjobs' };
const jobs = { group: 'batch', version: 'v1', resource: 'jobs' };

let test1: TestCluster;
beforeAll(async () => {
  test1 = await openTestCluster(true);
});
afterAll(() => test1.close());

const post = (body: object) => test1.transport.request({ method: 'POST', path, body });

test('a skip is answered when what it set off is done; no stamp is ahead', async () => {
  const container = { name: 'c', image: 'busybox:1.36' };
  const spec = { template: { spec: { containers: [container], restartPolicy: 'Never' } } };
  await test1.client.create(cronJobs, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'nightly', namespace: 'default' },
    spec: { schedule: '0 3 * * *', jobTemplate: { spec } },
  });
  expect(await post({ skip: '24h' })).toMatchObject({ code: 200, body: { skipped: '24h0m0s' } });
  const { items } = await test1.client.list(jobs);
  expect(items).toHaveLength(1);
  const { creationTimestamp, annotations } = items[0]!.metadata;
  expect(Date.parse(creationTimestamp!)).toBeLessThanOrEqual(Date.now());
  expect(annotations).toHaveProperty(['batch.kubernetes.io/cronjob-scheduled-timestamp']);
  const cron = await test1.client.get(cronJobs, 'nightly', 'default');
  expect(Date.parse(cron.status!.lastScheduleTime)).toBeLessThanOrEqual(Date.now());
  // One made now is not late: its schedule begins where the calendar is.
  await test1.client.create(cronJobs, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'yearly', namespace: 'default' },
    spec: { schedule: '@yearly', jobTemplate: { spec } },
  });
  await post({ skip: '1s' });
  expect((await test1.client.list(jobs)).items).toHaveLength(1);
});

test('what is no duration is refused, and so is who may not', async () => {
  expect(await post({ skip: '5x' })).toMatchObject({
    code: 400,
    body: { message: 'skip: "5x" is no duration such as 90s, 5m or 1h30m' },
  });
  expect(await post({ skip: '-5m' })).toMatchObject({ code: 400 });
  expect(await test1.transport.request({ method: 'PUT', path, body: {} })).toMatchObject({ code: 405 });
  const { pki, url } = test1.cluster;
  const learner = createHttpsTransport(
    { server: url, ca: pki.ca.cert, ...pki.admin },
    { impersonate: { user: 'ann' } },
  );
  expect(await learner.request({ method: 'POST', path, body: { skip: '5m' } })).toMatchObject({
    code: 403,
    body: { message: 'forbidden: User "ann" cannot post path "/atelier.dev/clock"' },
  });
  learner.close();
});
