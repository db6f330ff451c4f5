import { applet, parseOptions, UsageError } from './options.ts';

/** getent(1), as far as names go: `getent hosts web`. */
export const getent = applet(async ({ process, args, print }) => {
  const [database, ...keys] = args;
  if (database === undefined) throw new UsageError('wrong number of arguments');
  const file = { passwd: '/etc/passwd', group: '/etc/group' }[database];
  if (file) {
    const rows = Buffer.from(process.fs.read(file)).toString().split('\n').filter(Boolean);
    const found =
      keys.length === 0
        ? rows
        : rows.filter((row) => keys.some((key) => [0, 2].some((at) => row.split(':')[at] === key)));
    for (const row of found) await print(`${row}\n`);
    return found.length > 0 ? 0 : 2;
  }
  if (!/^a?hosts(v[46])?$/.test(database)) {
    await process.stderr.write(`Unknown database: ${database}\n`);
    return 1;
  }
  for (const key of keys) {
    const found = await process.container.network.resolve(key).catch(() => undefined);
    if (!found) return 2;
    for (const address of found.addresses)
      for (const kind of database.startsWith('a') ? ['STREAM', 'DGRAM', 'RAW'] : [''])
        await print(
          kind ? `${address.padEnd(15)} ${kind.padEnd(6)} ${found.name}\n` : `${address.padEnd(15)} ${found.name}\n`,
        );
  }
  return 0;
});

/** dig(1): A records, `+short` and `+search`. Without a search list a name is asked as it stands. */
export const dig = applet(async ({ process, args, print }) => {
  const { clock, network } = process.container;
  const short = args.includes('+short');
  const search = args.includes('+search');
  const words = args.filter((word) => !/^[+@-]/.test(word));
  const type = words.find((word) => /^(A|AAAA|ANY|CNAME|MX|NS|PTR|SOA|SRV|TXT)$/i.test(word))?.toUpperCase() ?? 'A';
  const name = words.find((word) => word.toUpperCase() !== type && word.toUpperCase() !== 'IN') ?? '.';
  const server = args.find((word) => word.startsWith('@'))?.slice(1) ?? serverOf(process.fs);
  const begun = clock.monotonic();
  const full = name.endsWith('.') ? name : `${name}.`;
  const found = await network.resolve(search ? name : full.slice(0, -1)).catch(() => undefined);
  // An answer that the search list found is none to who does not use it.
  const known = found && (search || found.name.replace(/\.$/, '') === full.slice(0, -1)) ? found : undefined;
  const addresses = type === 'A' || type === 'ANY' ? (known?.addresses ?? []) : [];
  if (short) {
    for (const address of addresses) await print(`${address}\n`);
    return 0;
  }
  const shown = known ? `${known.name.replace(/\.$/, '')}.` : full;
  const pad = (text: string) => `${text}${'\t'.repeat(Math.max(1, 3 - Math.floor(text.length / 8)))}`;
  let text = `\n; <<>> DiG 9.18.33 <<>> ${args.join(' ')}\n;; global options: +cmd\n;; Got answer:\n`;
  text += `;; ->>HEADER<<- opcode: QUERY, status: ${known ? 'NOERROR' : 'NXDOMAIN'}, id: ${10_000 + (process.pid % 50_000)}\n`;
  text += `;; flags: qr aa rd; QUERY: 1, ANSWER: ${addresses.length}, AUTHORITY: 0, ADDITIONAL: 1\n\n`;
  text += `;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n;; QUESTION SECTION:\n;${pad(shown)}IN\t${type}\n\n`;
  if (addresses.length > 0)
    text += `;; ANSWER SECTION:\n${addresses.map((address) => `${pad(shown)}30\tIN\tA\t${address}\n`).join('')}\n`;
  text += `;; Query time: ${Math.round(clock.monotonic() - begun)} msec\n;; SERVER: ${server}#53(${server}) (UDP)\n`;
  text += `;; WHEN: ${clock.now().toUTCString().replace(',', '')}\n;; MSG SIZE  rcvd: ${40 + shown.length + 16 * addresses.length}\n\n`;
  await print(text);
  return 0;
});

/** host(1): `host web`. */
export const host = applet(async ({ process, args, print }) => {
  const { rest } = parseOptions(args, 'at:W:v4');
  const [name] = rest;
  if (name === undefined) throw new UsageError('missing name');
  const found = await process.container.network.resolve(name).catch(() => undefined);
  if (!found) {
    await print(`Host ${name} not found: 3(NXDOMAIN)\n`);
    return 1;
  }
  for (const address of found.addresses) await print(`${found.name} has address ${address}\n`);
  return 0;
});

function serverOf(fs: { read(path: string): Uint8Array }): string {
  try {
    return /^nameserver\s+(\S+)/m.exec(Buffer.from(fs.read('/etc/resolv.conf')).toString())?.[1] ?? '127.0.0.1';
  } catch {
    return '127.0.0.1';
  }
}
