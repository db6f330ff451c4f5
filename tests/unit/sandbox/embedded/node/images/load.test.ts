import { expect, test } from 'vitest';
import { createClock } from '../../../../../../sandbox/embedded/clock.ts';
import { CpuMeter } from '../../../../../../sandbox/embedded/node/usage/cpu-meter.ts';
import { container, idle, run, sh, TestNetwork } from './harness.ts';

const at = { name: 'p', namespace: 'default', uid: 'u', hostname: 'p', node: 'node-1', labels: {} };

/** An nginx at its limit, and somebody who asks. */
async function world(cores?: number) {
  const network = new TestNetwork();
  network.names.set('web', '10.244.0.9');
  const clock = createClock();
  const cpu = new CpuMeter(clock, cores);
  const web = container('nginx:1.27', {
    network: network.pod('10.244.0.9'),
    pod: { ...at, ip: '10.244.0.9' },
    clock,
    cpu,
  });
  const log: string[] = [];
  const listening = new Promise<void>((resolve) => {
    const hear = (data: Uint8Array) => {
      log.push(Buffer.from(data).toString());
      if (log.join('').includes('start worker processes')) resolve();
    };
    web.start({ argv: ['nginx', '-g', 'daemon off;'], stdout: hear, stderr: hear });
  });
  const client = idle('atelier.dev/utilities:1', {
    network: network.pod('10.244.0.5'),
    resolvConf: 'search default.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
  });
  await listening;
  const requests = () => log.join('').match(/"GET \/[^"]*" \d+/g)?.length ?? 0;
  const end = () => {
    web.kill();
    client.kill();
  };
  return { client, cpu, requests, end };
}

const seconds = (report: string): number => Number(/Time taken for tests: +([\d.]+) seconds/.exec(report)?.[1]);

test('ab reports what it measured, and a server at its limit takes its time', async () => {
  const small = await world(0.4);
  const { stdout, stderr, code } = await run(small.client, ['ab', '-n', '200', '-c', '8', 'http://web/']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^This is ApacheBench, Version 2\.3 <.*\nCopyright 1996 Adam Twiss/);
  expect(stdout).toContain('\nBenchmarking web (be patient)\n');
  expect(stderr).toBe('Completed 100 requests\nCompleted 200 requests\nFinished 200 requests\n\n\n');
  expect(stdout).toMatch(
    /Server Software: {8}nginx\/1\.27\.\d+\nServer Hostname: {8}web\nServer Port: {12}80\n\nDocument Path: {10}\/\nDocument Length: {8}\d+ bytes\n\nConcurrency Level: {6}8\n/,
  );
  expect(stdout).toMatch(/Complete requests: {6}200\nFailed requests: {8}0\nTotal transferred: {6}\d+ bytes\n/);
  expect(stdout).toMatch(/Requests per second: {4}[\d.]+ \[#\/sec\] \(mean\)\n/);
  expect(stdout).toMatch(/Time per request: {7}[\d.]+ \[ms\] \(mean, across all concurrent requests\)\n/);
  expect(stdout).toMatch(/\nConnection Times \(ms\)\n {14}min {2}mean\[\+\/-sd\] median {3}max\nConnect: +\d/);
  expect(stdout).toMatch(/ {2}50% +\d+\n {2}66% +\d+\n[\s\S]* 100% +\d+ \(longest request\)\n$/);
  expect(small.requests()).toBe(200);
  // 200 requests of 4 ms on 0.4 cores: two seconds, less what one period gives beforehand.
  expect(seconds(stdout)).toBeGreaterThan(1.7);
  expect(small.cpu.total()).toBeGreaterThanOrEqual(800);
  small.end();
  const large = await world();
  const quick = await run(large.client, ['ab', '-q', '-k', '-n', '200', '-c', '8', 'http://web/']);
  expect(seconds(quick.stdout)).toBeLessThan(seconds(stdout));
  expect(quick.stdout).toMatch(/Keep-Alive requests: {4}(0|\d+)\n/);
  large.end();
}, 20_000);

test('ab says what is wrong as ApacheBench does', async () => {
  const { client, end } = await world();
  const bare = await run(client, ['ab', '-n', '2', 'http://web']);
  expect(bare.code).toBe(22);
  expect(bare.stderr).toMatch(/^ab: invalid URL\nUsage: ab \[options\] \[http\[s\]:\/\/\]hostname\[:port\]\/path\n/);
  expect((await sh(client, 'ab -n 1 -c 2 http://web/')).stderr).toContain(
    'ab: Cannot use concurrency level greater than total number of requests\n',
  );
  const refused = await sh(client, 'ab -n 2 http://web:81/');
  expect([refused.code, refused.stderr]).toEqual([111, 'apr_socket_connect(): Connection refused (111)\n']);
  const unknown = await sh(client, 'ab -n 2 http://nowhere/');
  expect(unknown.stderr).toBe('apr_sockaddr_info_get() for nowhere: Name or service not known (670002)\n');
  const missing = await sh(client, 'ab -n 2 http://web/nothing');
  expect(missing.stdout).toMatch(/Failed requests: {8}0\nNon-2xx responses: {6}2\n/);
  end();
});

test('hey sums up', async () => {
  const { client, end } = await world();
  const { stdout, code } = await run(client, ['hey', '-n', '40', '-c', '4', 'http://web/']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\nSummary:\n {2}Total:\t[\d.]+ secs\n/);
  expect(stdout).toContain('\nStatus code distribution:\n  [200]\t40 responses\n');
  const refused = await run(client, ['hey', '-n', '4', '-c', '2', 'http://web:81/']);
  expect(refused.stdout).toContain('[4]\tGet "http://web:81/": dial tcp web:81: connect: connection refused');
  end();
});

test('names are looked up with dig, host and getent', async () => {
  const { client, end } = await world();
  expect((await sh(client, 'dig +short +search web')).stdout).toBe('10.244.0.9\n');
  expect((await sh(client, 'dig web')).stdout).toContain('status: NXDOMAIN');
  expect((await sh(client, 'dig +search web')).stdout).toMatch(
    /;; ANSWER SECTION:\nweb\.default\.svc\.cluster\.local\. 30\tIN\tA\t10\.244\.0\.9\n/,
  );
  const several = await sh(
    client,
    'dig +noall +answer web.default.svc.cluster.local nowhere.default.svc.cluster.local',
  );
  expect(several.stdout).toBe('web.default.svc.cluster.local. 30\tIN\tA\t10.244.0.9\n');
  expect((await sh(client, 'dig web.default.svc.cluster.local TXT')).stdout).toMatch(
    /status: NOERROR, [\s\S]*;web\.default\.svc\.cluster\.local\.\tIN\tTXT\n/,
  );
  expect((await sh(client, 'getent hosts web')).stdout).toBe('10.244.0.9      web.default.svc.cluster.local\n');
  expect((await sh(client, 'getent hosts nowhere')).code).toBe(2);
  expect((await sh(client, 'host nowhere')).stdout).toBe('Host nowhere not found: 3(NXDOMAIN)\n');
  expect((await sh(client, 'host web')).stdout).toBe('web.default.svc.cluster.local has address 10.244.0.9\n');
  expect((await sh(client, 'nslookup web')).stdout).toBe(
    'Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\nName:\tweb.default.svc.cluster.local\nAddress: 10.244.0.9\n\n',
  );
  expect((await sh(client, 'dig +trace web')).stderr).toContain('root of the internet');
  end();
});

test('burn uses what it is told to', async () => {
  const clock = createClock();
  const cpu = new CpuMeter(clock);
  const client = idle('atelier.dev/utilities:1', { clock, cpu });
  const before = cpu.total();
  expect((await sh(client, 'burn -c 0.5 -t 0.5')).code).toBe(0);
  expect(cpu.total() - before).toBeGreaterThan(150);
  expect(cpu.total() - before).toBeLessThan(350);
  client.kill();
});

test('who waits uses next to nothing, who works does', async () => {
  const clock = createClock();
  const [patient, busy] = [new CpuMeter(clock), new CpuMeter(clock)];
  const one = idle('busybox:1.36', { clock, cpu: patient });
  const two = idle('busybox:1.36', { clock, cpu: busy });
  await Promise.all([
    sh(one, 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.05; done'),
    sh(two, 'timeout 0.6 sh -c "while :; do :; done"'),
  ]);
  expect(patient.total()).toBeLessThan(100);
  expect(busy.total()).toBeGreaterThan(2 * patient.total());
  one.kill();
  two.kill();
});

test('commands say how they are called, and Python that it is not played', async () => {
  const box = idle();
  const help = await sh(box, 'ls --help');
  expect([help.code, help.stderr]).toEqual([
    0,
    'BusyBox v1.36.1 (simulated by Atelier) multi-call binary.\n\nUsage: ls [-1AaCxdLHRFplinshrSXvctu] [-w WIDTH] [FILE]...\n\nList a directory\n',
  ]);
  expect((await sh(box, 'echo --help')).stdout).toBe('--help\n');
  box.kill();
  const notebook = idle('quay.io/jupyter/minimal-notebook:latest');
  expect((await sh(notebook, 'python3 -c "print(1)"')).stderr).toContain(
    'no Python runs here: this image is simulated by Atelier',
  );
  expect((await sh(notebook, 'python --version')).stdout).toBe('Python 3.12.10\n');
  notebook.kill();
});
