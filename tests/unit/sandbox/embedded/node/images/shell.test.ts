import { afterAll, describe, expect, it } from 'vitest';
import { container, idle, run, sh, Typist } from './harness.ts';

const target = idle();
afterAll(() => target.kill());

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the shell's own
/** Script, stdout, stderr, exit code: as busybox answers. */
const recorded: [string, string, string, number][] = [
  ['x="a b  c"; echo $x "$x" \'$x\'; set -- $x; echo $# $2', 'a b c a b  c $x\n3 b\n', '', 0],
  ['echo ${x:-def} ${x:=set} $x ${x:+alt} ${#x} ${x%t} ${x#s}', 'def set set alt 3 se et\n', '', 0],
  ['y=/a/b/c.txt; echo ${y##*/} ${y%/*} ${y%%.*} ${y#*/}', 'c.txt /a/b /a/b/c a/b/c.txt\n', '', 0],
  ['f() { echo "in $1"; return 3; }; f x || echo "rc $?"', 'in x\nrc 3\n', '', 0],
  ['i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done', '1\n3\n', '', 0],
  ['echo \'a:b:c\' | { IFS=: read x y; echo "$x|$y"; }', 'a|b:c\n', '', 0],
  ["printf '%5s|%-5s|%05d|%x|%c|%%\\n' ab cd 42 255 xyz", '   ab|cd   |00042|ff|x|%\n', '', 0],
  ["echo -e 'a\\tb'; echo -n x; echo 'a\\nb'", 'a\tb\nxa\\nb\n', '', 0],
  ["sh -c 'exit 7'; echo $?; (exit 5); echo $?; ! true; echo $?", '7\n5\n1\n', '', 0],
  ["trap 'echo cleanup' EXIT; echo body; exit 4", 'body\ncleanup\n', '', 4],
  ['set -u; echo ${nope}; echo unreached', '', 'sh: nope: parameter not set\n', 2],
  ['set -e; false; echo unreached', '', '', 1],
  ['set -o pipefail; false | true; echo $?', '1\n', '', 0],
  ['set -x; a=1; echo $a "b c"', '1 b c\n', "+ a=1\n+ echo 1 'b c'\n", 0],
  ['case foo.txt in *.md) echo md;; *.txt|*.log) echo text;; esac', 'text\n', '', 0],
  ["cat <<E1; cat <<'E2'\nvar $((1+2)) $(echo sub)\nE1\nraw $x\nE2", 'var 3 sub\nraw $x\n', '', 0],
  ['echo $((1+2*3)) $((10/3)) $((2**10)) $((1<<4)) $((5>3?1:0)) $((0x1f)) $((!0))', '7 3 1024 16 1 31 1\n', '', 0],
  ['echo $(( 1 / 0 )); echo after', '', 'sh: divide by zero\n', 2],
  ['foo; echo $?; /nope/x; echo $?', '127\n127\n', 'sh: foo: not found\nsh: /nope/x: not found\n', 0],
  ['if; then', '', 'sh: syntax error: unexpected ";"\n', 2],
  ['echo "unterminated', '', 'sh: syntax error: unterminated quoted string\n', 2],
  ['echo a > /nope/x; echo $?', '1\n', "sh: can't create /nope/x: nonexistent directory\n", 0],
  ['cat < nofile; echo $?', '1\n', "sh: can't open nofile: no such file\n", 0],
  ['cd /nope; echo $?', '2\n', "sh: cd: line 0: can't cd to /nope: No such file or directory\n", 0],
  ['readonly r=1; r=2; echo unreached', '', 'sh: r: is read only\n', 2],
  ["export A=1; sh -c 'echo $A'; B=2 sh -c 'echo $B'; echo \"[$B]\"", '1\n2\n[]\n', '', 0],
  ['while getopts ab:c o -a -b val -c rest; do echo "$o $OPTARG"; done; echo $OPTIND', 'a \nb val\nc \n5\n', '', 0],
  [
    'set -- a "b c"; for x in "$@"; do echo "[$x]"; done; for x in $*; do echo "($x)"; done',
    '[a]\n[b c]\n(a)\n(b)\n(c)\n',
    '',
    0,
  ],
  ['echo "$(echo "nested $(echo deep)")" `echo bq`', 'nested deep bq\n', '', 0],
  ['sleep 0.01 & wait $!; echo $?', '0\n', '', 0],
  ['sleep 100 & kill $!; wait $!; echo $?', '143\n', '', 0],
  [
    'sleep 100 & sleep 0.05; ps | grep -c "[0-9] sleep 100$"; kill $!; wait $!; ps | grep -c "sleep 100$"',
    '1\n0\n',
    '',
    1,
  ],
  ['sleep 100 & sleep 0.05; cat /proc/$!/cmdline | tr "\\0" " "', 'sleep 100 ', '', 0],
  ['exec 3>/tmp/three; echo hi >&3; cat /tmp/three', 'hi\n', '', 0],
  ['{ echo out; echo err >&2; } 2>&1 | wc -l', '2\n', '', 0],
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the shell's own

describe('the shell answers as busybox', () => {
  it.each(recorded)('%s', async (script, stdout, stderr, code) => {
    expect(await sh(target, script)).toEqual({ stdout, stderr, code });
  });
});

describe('processes', () => {
  it('reads a script from stdin and leaves the rest to its commands', async () => {
    const result = await run(target, ['sh'], { stdin: 'read x\nhello\necho "got $x"\n' });
    expect(result).toEqual({ stdout: 'got hello\n', stderr: '', code: 0 });
  });

  it('stops a writer whose reader is gone, with bounded memory', async () => {
    expect(await sh(target, 'yes | head -n 1')).toEqual({ stdout: 'y\n', stderr: '', code: 0 });
  });

  it('lets others run beside an infinite loop, and kills it with 137', async () => {
    const busy = target.start({ argv: ['sh', '-c', 'while :; do :; done'], stdout: () => {}, stderr: () => {} });
    expect((await sh(target, 'echo alive')).stdout).toBe('alive\n');
    busy.signal('SIGKILL');
    expect(await busy.exit).toBe(137);
  });

  it('ignores TERM as PID 1 unless it is trapped, as Linux does', async () => {
    const plain = container('busybox');
    const main = plain.start({ argv: ['sh', '-c', 'sleep 100; true'], stdout: () => {}, stderr: () => {} });
    main.signal('SIGTERM');
    expect((await sh(plain, 'echo still here')).stdout).toBe('still here\n');
    main.signal('SIGKILL');
    expect(await main.exit).toBe(137);

    const trapping = container('busybox');
    let ready = () => {};
    const armed = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const script = "trap 'exit 5' TERM; echo ready; sleep 100 & wait";
    const second = trapping.start({ argv: ['sh', '-c', script], stdout: () => ready(), stderr: () => {} });
    await armed;
    second.signal('SIGTERM');
    expect(await second.exit).toBe(5);
  });

  it('says why a main process cannot be started', () => {
    expect(target.startError('foo')).toBe('exec: "foo": executable file not found in $PATH');
    expect(target.startError('/bin/foo')).toBe('exec: "/bin/foo": stat /bin/foo: no such file or directory');
    expect(target.startError('/etc/passwd')).toBe('exec: "/etc/passwd": permission denied');
    expect(target.startError('sh')).toBeUndefined();
  });

  it('writes to the main process through /proc/1/fd/1', async () => {
    let log = '';
    const take = (data: Uint8Array) => {
      log += Buffer.from(data);
    };
    const own = container('busybox');
    own.start({ argv: ['sleep', 'infinity'], stdout: take, stderr: () => {} });
    await sh(own, 'echo to the log > /proc/1/fd/1');
    own.kill();
    expect(log).toBe('to the log\n');
  });
});

describe('at a terminal', () => {
  it('prompts, edits, recalls, completes, and Ctrl-C ends the foreground command alone', async () => {
    const own = idle();
    const typist = new Typist(own, ['sh']);
    await typist.sees('/ # ');
    typist.type('echo hxello\x1b[D\x1b[D\x1b[D\x1b[D\x7f\r');
    await typist.sees('\r\nhello\r\n/ # ');
    typist.type('sleep 100\r');
    await typist.sees('sleep 100');
    while (!own.processes().some((row) => row.argv[0] === 'sleep' && row.argv[1] === '100'))
      await new Promise(setImmediate);
    typist.type('\x03');
    await typist.sees('/ # ');
    typist.type('echo $?\r');
    await typist.sees('130\r\n');
    typist.type('\x1b[A\x1b[A\x1b[A\r');
    await typist.sees('\r\nhello\r\n');
    typist.type('cat /etc/host\tn\t\r');
    await typist.sees('\r\nweb-0\r\n');
    typist.type('vi x\r');
    await typist.sees('sh: vi: not found');
    typist.type('\x04');
    expect(await typist.exit).toBe(127);
    own.kill();
  });

  it('asks for more until a command is complete', async () => {
    const own = idle();
    const typist = new Typist(own, ['sh']);
    typist.type('for i in 1 2\r');
    await typist.sees('> ');
    typist.type('do echo "<$i>"; done\r');
    await typist.sees('<1>\r\n<2>\r\n');
    own.kill();
  });
});
