// The command `atelier` of a learner's shell: tells the server what was asked and prints what it says.
import { connect } from 'node:net';

const usage = 'usage: atelier wait STEP[/CHECK] | atelier answer CHECK VALUE';
const [verb, ...words] = process.argv.slice(2);
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
