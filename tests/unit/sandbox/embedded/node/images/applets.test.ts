import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { idle, run, sh, TestNetwork } from './harness.ts';

let target = idle();
beforeEach(() => {
  target.kill();
  target = idle();
});
afterAll(() => target.kill());

/** Script, stdout, stderr: as busybox answers in an empty folder. */
const recorded: [string, string, string][] = [
  [
    'for f in a b; do echo $f > $f.txt; done; cat *.txt; ls; rm *.txt; ls *.txt',
    'a\nb\na.txt\nb.txt\n',
    'ls: *.txt: No such file or directory\n',
  ],
  ['cat nofile', '', "cat: can't open 'nofile': No such file or directory\n"],
  ['seq 5 | tail -n 2; seq 5 | head -n 2; seq 10 | wc -l; seq 3 | sort -r', '4\n5\n1\n2\n10\n3\n2\n1\n', ''],
  [
    "printf 'b 2\\na 10\\nc 1\\n' | sort -k2 -n; printf 'a\\na\\nb\\n' | uniq -c",
    'c 1\nb 2\na 10\n      2 a\n      1 b\n',
    '',
  ],
  ["echo hello | tr a-z A-Z; echo aabbcc | tr -s a-c; echo 'a,b,c' | cut -d, -f2,3", 'HELLO\nabc\nb,c\n', ''],
  [
    "printf 'one\\ntwo\\nthree\\n' > f; grep -n o f; grep -c t f; grep -E '^t(w|h)' f; grep -o 'e*' f",
    '1:one\n2:two\n2\ntwo\nthree\ne\nee\n',
    '',
  ],
  ["echo foobar | sed -E 's/(foo)(bar)/\\2\\1/'; printf '1\\n2\\n3\\n' | sed '$d;1s/1/one/'", 'barfoo\none\n2\n', ''],
  [
    "printf 'a 1\\nb 2\\n' | awk '{s+=$2; print $1} END {print s, NR}'; awk 'BEGIN{printf \"%d %s %.2f\\n\", 3.7, \"s\", 1.5}'",
    'a\nb\n3 2\n3 s 1.50\n',
    '',
  ],
  [
    "echo 'x y z' | awk '{print $NF; $2=\"Q\"; print; print NF}'; printf '5\\n10\\n' | awk '$1>7'",
    'z\nx Q z\n3\n10\n',
    '',
  ],
  [
    'echo hi > a; ln -s a l; readlink l; cat l; mkdir -p d/e; find d | sort; rmdir d; rm nope',
    'a\nhi\nd\nd/e\n',
    "rmdir: 'd': Directory not empty\nrm: can't remove 'nope': No such file or directory\n",
  ],
  [
    'echo test | md5sum; echo hello | base64; echo aGVsbG8K | base64 -d; echo abc | od -c',
    'd8e8fca2dc0f896fd7cb4cb0031ba249  -\naGVsbG8K\nhello\n0000000   a   b   c  \\n\n0000004\n',
    '',
  ],
  [
    "date -u -d @0; date -u -d '2020-01-02 03:04:05' +%Y/%m/%d-%H:%M:%S",
    'Thu Jan  1 00:00:00 UTC 1970\n2020/01/02-03:04:05\n',
    '',
  ],
  [
    'echo a > f; chmod 640 f; ls -l f | cut -c1-10; chmod u+x,o=r f; stat -c "%a %s %n %F" f',
    '-rw-r-----\n744 2 f regular file\n',
    '',
  ],
  [
    'wc nofile; head nofile; sort nofile',
    '',
    'wc: nofile: No such file or directory\nhead: nofile: No such file or directory\nsort: nofile: No such file or directory\n',
  ],
  [
    'echo hi > f; tar cf t.tar f; tar tf t.tar; rm f; tar xf t.tar; cat f; gzip f; ls; zcat f.gz',
    'f\nhi\nf.gz\nt.tar\nhi\n',
    '',
  ],
  [
    "basename /a/b/c.txt .txt; dirname /a/b/c; expr 1 + 2; echo a b | xargs -n1 echo; printf 'a\\n' | xargs -I{} echo '<{}>'",
    'c\n/a/b\n3\na\nb\n<a>\n',
    '',
  ],
  ['timeout 0.01 sleep 5; echo $?; kill -TERM 99999', '143\n', "sh: can't kill pid 99999: No such process\n"],
];

describe('commands answer as busybox', () => {
  it.each(recorded)('%s', async (script, stdout, stderr) => {
    const result = await sh(target, `mkdir /w; cd /w; ${script}`);
    expect({ stdout: result.stdout, stderr: result.stderr }).toEqual({ stdout, stderr });
  });
});

it('packs and unpacks as kubectl cp does, modes kept', async () => {
  await sh(target, 'mkdir -p /a/sub; echo one > /a/x; echo two > /a/sub/y; chmod 750 /a/sub/y');
  const packed: Uint8Array[] = [];
  const packing = target.start({
    argv: ['tar', 'cf', '-', '/a'],
    stdout: (data) => void packed.push(data),
    stderr: () => {},
  });
  expect(await packing.exit).toBe(0);
  const other = idle();
  const result = await run(other, ['tar', '-xmf', '-', '-C', '/tmp'], { stdin: Buffer.concat(packed) });
  expect(result).toEqual({ stdout: '', stderr: '', code: 0 });
  expect((await sh(other, 'cat /tmp/a/x /tmp/a/sub/y; stat -c %a /tmp/a/sub/y')).stdout).toBe('one\ntwo\n750\n');
  other.kill();
});

it('speaks over the network as wget, curl, nc and nslookup do', async () => {
  const network = new TestNetwork();
  network.names.set('web', '10.244.0.6');
  network.names.set('gone', '10.96.0.12');
  const server = idle('busybox', { network: network.pod('10.244.0.6') });
  await sh(server, 'mkdir /www; echo page > /www/index.html; httpd -p 8080 -h /www');
  while (!network.listeners.has('10.244.0.6:8080')) await new Promise(setImmediate);
  const client = idle('curlimages/curl', { network: network.pod('10.244.0.7') });
  expect(
    (await sh(client, 'wget -qO- http://web:8080/; curl -s -o /dev/null -w "%{http_code}\\n" web:8080/nope')).stdout,
  ).toBe('page\n404\n');
  expect((await sh(client, 'wget -q http://gone/')).stderr).toBe(
    "wget: can't connect to remote host (10.96.0.12): Connection refused\n",
  );
  expect(await sh(client, 'wget -qO- http://nope/')).toEqual({
    stdout: '',
    stderr: "wget: bad address 'nope'\n",
    code: 1,
  });
  expect((await sh(client, 'wget -qO- http://web:8080/nope')).stderr).toBe(
    'wget: server returned error: HTTP/1.1 404 Not Found\n',
  );
  expect((await sh(client, 'curl -s nope')).code).toBe(6);
  expect((await sh(client, 'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc web 8080 | tail -n 1')).stdout).toBe('page\n');
  const answer = 'Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n';
  expect(await sh(client, 'nslookup web.default.svc.cluster.local 10.96.0.10')).toMatchObject({
    stdout: `${answer}Name:\tweb.default.svc.cluster.local\nAddress: 10.244.0.6\n\n\n`,
    code: 0,
  });
  expect(await sh(client, 'nslookup nope 10.96.0.10')).toMatchObject({
    stdout: `${answer}** server can't find nope: NXDOMAIN\n\n** server can't find nope: NXDOMAIN\n\n`,
    code: 1,
  });
  server.kill();
  client.kill();
});
