import { awk } from '../awk/awk.ts';
import type { Program } from '../image.ts';
import { gunzip, gzip, tar, zcat } from './archive.ts';
import { cmp, diff } from './compare.ts';
import { cp, mv } from './copy.ts';
import { dd } from './dd.ts';
import { base64, hexdump, md5sum, od, sha1sum, sha256sum, sha512sum } from './digest.ts';
import { expr } from './expr.ts';
import * as files from './files.ts';
import { find } from './find.ts';
import { grep } from './grep.ts';
import { wget } from './http.ts';
import { nohup, time, timeout, watch, xargs } from './launchers.ts';
import { nl, paste, rev, tac } from './lines.ts';
import { df, du, ls, stat } from './listing.ts';
import { httpd, ifconfig, ip, nc, ping, telnet } from './network.ts';
import { nslookup } from './nslookup.ts';
import { sed } from './sed.ts';
import * as system from './system.ts';
import { test } from './test.ts';
import * as text from './text.ts';
import { echo, printf, seq, yes } from './text-output.ts';
import { date, sleep } from './time.ts';

const { basename, chgrp, chmod, chown, dirname, ln, mkdir, mktemp } = files;
const { readlink, realpath, rm, rmdir, touch } = files;
const { cat, cut, head, sort, tail, tee, tr, uniq, wc } = text;
const { clear, env, free, hostname, id, kill, killall, less, mount, nproc, pgrep, pidof } = system;
const { pkill, printenv, ps, su, top, tty, uname, uptime, which, whoami } = system;

/** The usual commands, by name. */
export const applets: Record<string, Program> = {
  ...{ '[': test, '[[': test, base64, basename, cat, chgrp, chmod, chown, clear, cp, cut, date, dd, df, dirname, du },
  ...{ echo, egrep: grep, env, expr, false: async () => 1, fgrep: grep, find, free, grep, gunzip, gzip, head },
  ...{ hexdump, hd: hexdump, hostname, id, kill, killall, less, ln, ls, md5sum, mkdir, mktemp, more: less, mount, mv },
  ...{
    nl,
    nohup,
    nproc,
    od,
    paste,
    pgrep,
    pidof,
    pkill,
    printenv,
    printf,
    ps,
    pwd,
    readlink,
    realpath,
    rev,
    rm,
    rmdir,
  },
  ...{ sed, seq, sha1sum, sha256sum, sha512sum, sleep, sort, stat, su, sync: async () => 0, tac, tail, tar, tee, test },
  ...{ time, timeout, top, touch, tr, true: async () => 0, tty, uname, uniq, uptime, watch, wc, which, whoami, xargs },
  ...{ awk, cmp, diff, httpd, ifconfig, ip, nc, nslookup, ping, telnet, wget, yes, zcat },
};

async function pwd(process: Parameters<Program>[0]): Promise<number> {
  await process.stdout.write(`${process.cwd}\n`);
  return 0;
}

/** Commands as an image installs them: `{ '/bin/ls': ls, … }`. */
export function installed(folder: string, programs: Record<string, Program>): Record<string, Program> {
  return Object.fromEntries(Object.entries(programs).map(([name, program]) => [`${folder}/${name}`, program]));
}
