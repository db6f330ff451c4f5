import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import * as resources from '../../../../../../sandbox/embedded/control-plane/controllers/resources.ts';
import { startScheduler } from '../../../../../../sandbox/embedded/control-plane/scheduler/scheduler.ts';
import { addNode, type Loops, startLoops } from '../controllers/loops.ts';

let running: Loops | undefined;
afterEach(() => running?.stop());

async function start(node: Loose | null = {}): Promise<Loops> {
  running = startLoops({ all: false, play: () => undefined });
  startScheduler(running.context);
  if (node) await addNode(running.client, node);
  return running;
}

function pod(name: string, spec: Loose = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'a', labels: { app: name } },
    spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
  };
}
const cpu = (amount: string) => ({ containers: [{ name: 'c', resources: { requests: { cpu: amount } } }] });
const status = { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } };
const preempt = (reason: string) => `no new claims to deallocate, preemption: 0/1 nodes are available: 1 ${reason}.`;
const hopeless = preempt('Preemption is not helpful for scheduling');

async function why(loops: Loops, object: KubeObject): Promise<string> {
  await loops.client.create(resources.pods, object);
  const condition = () =>
    loops.one('pods', object.metadata.name!).status.conditions?.find((c: Loose) => c.type === 'PodScheduled');
  await loops.api.until(() => condition()?.reason === 'Unschedulable');
  const { message } = condition();
  await loops.api.until(() => loops.events().includes(`FailedScheduling: ${message}`));
  return message;
}

describe('scheduler', () => {
  it('binds and says where', async () => {
    const loops = await start();
    await loops.client.create(resources.pods, pod('web'));
    await loops.api.until(() => loops.events().includes('Scheduled: Successfully assigned a/web to node-1'));
    expect(loops.one('pods', 'web').spec.nodeName).toBe('node-1');
  });

  it.each<[string, Loose, Loose, string]>([
    ['too much CPU', {}, cpu('40'), `1 Insufficient cpu. ${hopeless}`],
    [
      'a selector',
      {},
      { nodeSelector: { disk: 'ssd' } },
      `1 node(s) didn't match Pod's node affinity/selector. ${hopeless}`,
    ],
    ['a cordoned node', { spec: { unschedulable: true } }, {}, `1 node(s) were unschedulable. ${hopeless}`],
    [
      'a taint',
      { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } },
      { tolerations: [{ key: 'other', operator: 'Exists' }] },
      `1 node(s) had untolerated taint(s). ${hopeless}`,
    ],
    [
      'a claim that is not there',
      {},
      { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] },
      'persistentvolumeclaim "data" not found. not found',
    ],
  ])('explains %s', async (_name, node, spec, message) => {
    const loops = await start({ status, ...node });
    expect(await why(loops, pod('web', spec))).toBe(`0/1 nodes are available: ${message}`);
  });

  it('counts what is taken, and tries again when it is given back', async () => {
    const loops = await start();
    await loops.client.create(resources.pods, pod('first', cpu('3')));
    await loops.api.until(() => loops.one('pods', 'first').spec.nodeName);
    const message = await why(loops, pod('second', cpu('2')));
    const victims = preempt('No preemption victims found for incoming pod');
    expect(message).toBe(`0/1 nodes are available: 1 Insufficient cpu. ${victims}`);
    await loops.client.delete(resources.pods, 'first', 'a');
    await loops.api.until(() => loops.one('pods', 'second').spec.nodeName === 'node-1');
  });

  it('says so when there is no node at all, and goes on when one comes', async () => {
    const loops = await start(null);
    expect(await why(loops, pod('web'))).toBe('no nodes available to schedule pods');
    await addNode(loops.client);
    await loops.api.until(() => loops.one('pods', 'web').spec.nodeName === 'node-1');
  });

  it('keeps pods apart that want no neighbours, and places the more important first', async () => {
    const loops = await start();
    const apart = {
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { group: 'x' } } },
          ],
        },
      },
    };
    const low = pod('low', { ...apart, priority: 1 });
    const high = pod('high', { ...apart, priority: 9 });
    for (const object of [low, high]) object.metadata.labels = { group: 'x' };
    await Promise.all([loops.client.create(resources.pods, low), loops.client.create(resources.pods, high)]);
    await loops.api.until(() => loops.one('pods', 'high').spec.nodeName && loops.one('pods', 'low').status.conditions);
    expect(loops.one('pods', 'low').status.conditions[0].message).toContain(
      "1 node(s) didn't match pod anti-affinity rules",
    );
  });
});
