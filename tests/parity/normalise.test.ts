import { expect, test } from 'vitest';
import { DELIBERATE } from './deliberate.ts';
import { normalise, RULES } from './normalise.ts';
import { formatRecording, parseRecording } from './recording.ts';

function events(...lines: string[]): string {
  return ['Type    Reason  Age  From  Message', '----    ------  ---- ----  -------', ...lines]
    .map((line) => `  ${line}\n`)
    .join('');
}

/** For each rule two texts that it makes the same, and one next to them that stays different. */
const cases: Record<string, [one: string, other: string, different: string]> = {
  uid: [
    'uid: 39075dc2-5530-4443-9f32-e4d22bff53ea',
    'uid: 7d54cd84-72a8-4b0c-9f1e-000000000001',
    'uid: 39075dc2-5530-4443-9f32',
  ],
  time: ['at 2026-11-21T10:40:24Z', 'at 2026-11-22T01:02:03Z', 'at <unknown>'],
  age: ['NAME   AGE\nweb    19s', 'NAME   AGE\nweb    2m', 'NAME   AGE\nweb    <unknown>'],
  version: ['Server Version: v1.35.4', 'Server Version: v1.35.2', 'Server Version: v1.34.2'],
  digest: [`containerd://${'0a'.repeat(32)}`, `containerd://${'1b'.repeat(32)}`, `docker://${'0a'.repeat(32)}`],
  'resource version': ['resourceVersion: "123"', 'resourceVersion: "9"', 'resourceVersion: ""'],
  'generated name': ['pod/web-56c4574cd-bpxbg', 'pod/web-5974c5bb9c-hn6p4', 'pod/web-56c4574cd'],
  address: ['10.244.0.71:8080', '10.244.0.3:8080', '10.244.0.71:8081'],
  'local port': ['https://127.0.0.1:16443', 'https://127.0.0.1:38551', 'https://127.0.0.2:38551'],
  'node port': ['80:30161/TCP', '80:31625/TCP', '81:30161/TCP'],
  'order by chance': [
    events('Normal  A       1s   k     a', 'Normal  B       1s   k     b'),
    events('Normal  B       1s   k     b', 'Normal  A       2s   k     a', 'Normal  A       3s   k     a'),
    events('Normal  B       1s   k     b'),
  ],
  'column width': ['web   1/1', 'web      1/1  ', 'web 1/1'],
};

test.each(RULES)('$name: what may differ is the same, what stands next to it is not', ({ name }) => {
  const [one, other, different] = cases[name] ?? ['', '', ''];
  expect(one).not.toBe('');
  expect(normalise(one)).toBe(normalise(other));
  expect(normalise(one)).not.toBe(normalise(different));
});

test('what is wrong with resources comes in any order, of one container alone', () => {
  const fault = (container: string, rest: string): string => `* spec.containers[${container}].resources.${rest}\n`;
  const cpu = fault('0', 'limits[cpu]: Invalid value: "-1"');
  const memory = fault('0', 'requests: Invalid value: "2Ki"');
  const other = fault('1', 'limits[cpu]: Invalid value: "-1"');
  expect(normalise(cpu + memory + other)).toBe(normalise(memory + cpu + other));
  expect(normalise(cpu + memory + other)).not.toBe(normalise(cpu + other + memory));
  expect(normalise(cpu + memory)).not.toBe(normalise(cpu));
});

test('durations that somebody set are compared', () => {
  const probe = 'Liveness: http-get delay=0s timeout=1s period=10s';
  expect(normalise(probe)).toBe(probe);
});

test('rules and deliberate differences stay few', () => {
  expect(RULES.length).toBeLessThanOrEqual(12);
  expect(DELIBERATE.length).toBeLessThanOrEqual(10);
  for (const { reason } of DELIBERATE) expect(reason).not.toBe('');
});

test('a recording reads back as it was', () => {
  const recording = {
    head: 'server v1, kubectl v1, helm v4',
    outcomes: [
      { command: 'a <<X\nb\n\nX', stdout: 'one\n\n  two\n', stderr: '', code: 0 },
      { command: 'c', stdout: 'no newline', stderr: '\\\n= 3\n', code: 3 },
    ],
  };
  expect(parseRecording(formatRecording(recording))).toEqual(recording);
});
