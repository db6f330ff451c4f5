import { applet, UsageError } from './options.ts';

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
