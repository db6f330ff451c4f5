/**
 * Aborted by the first SIGINT, SIGTERM or SIGHUP. Later ones change nothing: the terminal, npm and the launcher each
 * send the same Ctrl-C.
 */
export function untilSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => controller.abort());
  return controller.signal;
}
