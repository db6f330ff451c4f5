// The command `atelier` of a learner's shell: tells the server what was asked and prints what it says.
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';

const usage = 'usage: atelier wait STEP[/CHECK] | atelier answer CHECK VALUE | atelier cluster skip 5m';
const [verb, ...words] = process.argv.slice(2);
if (verb === 'cluster' && words[0] === 'skip' && words[1] && words.length === 2) process.exit(skip(words[1]));
const request = requestOf(verb, words);
if (!request) {
  process.stderr.write(`${usage}\n`);
  process.exit(2);
}

// Catching up makes the end state alone: there is no lesson under way to wait for.
if (process.env.ATELIER_CATCH_UP === '1') process.exit(0);

function requestOf(name: string | undefined, rest: string[]): Record<string, string> | undefined {
  const [first, second] = rest;
  if (name === 'wait' && first && rest.length === 1) return { verb: 'wait', target: first };
  if (name === 'answer' && first && second !== undefined) {
    return { verb: 'answer', target: first, value: rest.slice(1).join(' ') };
  }
  return undefined;
}

/** Lets time pass at once in the learner's own embedded cluster, by the rights of context `admin`. */
function skip(duration: string): number {
  const post = ['--context', 'admin', 'create', '--raw', '/atelier.dev/clock', '-f', '-'];
  const { status, stderr, error } = spawnSync('kubectl', post, {
    input: JSON.stringify({ skip: duration }),
    encoding: 'utf8',
  });
  if (status === 0) {
    process.stdout.write(`skipped ${duration}: what was due has fired; timestamps stay real\n`);
    return 0;
  }
  const why = stderr?.trim().replace(/^(error|Error from server( \(\w+\))?): /, '') || error?.message;
  const real = /could not find the requested resource/.test(why ?? '');
  process.stderr.write(
    `atelier: ${real ? 'this is a real cluster: only the time of an embedded one can be skipped' : why}\n`,
  );
  return 1;
}

const socket = connect(process.env.ATELIER_CONTROL ?? '');
let answer = '';
socket.on('connect', () => socket.write(`${JSON.stringify({ ...request, lesson: process.env.ATELIER_LESSON })}\n`));
socket.on('data', (data) => {
  answer += data;
});
socket.on('error', () => {
  process.stderr.write('atelier: the workshop is not running here; start it and try again\n');
  process.exitCode = 1;
});
socket.on('end', () => {
  const { ok, text } = JSON.parse(answer) as { ok: boolean; text: string };
  (ok ? process.stdout : process.stderr).write(`${text}\n`);
  process.exitCode = ok ? 0 : 1;
});
