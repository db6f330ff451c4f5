import { formatDuration, parseDuration } from '../../../../kubernetes/duration.ts';
import { parseBody } from './body.ts';
import type { Call } from './call.ts';
import { badRequest, methodNotAllowed } from './errors.ts';
import { contentOf, type Reply } from './reply.ts';

/** Not of Kubernetes: the embedded cluster's clock, for whoever RBAC lets `post` there. */
export const clockPath = '/atelier.dev/clock';

const longest = 8760 * 3_600_000;

/** `{"skip": "5m"}` fires what is due within five minutes, and is answered when that is done. Throws 400 and 405. */
export async function answerClock(call: Call): Promise<Reply> {
  const { clock, skip } = call.services;
  if (call.method === 'POST') {
    const text = String(parseBody(call, 'Clock')?.value?.skip ?? '');
    const milliseconds = parseDuration(text);
    if (milliseconds === undefined)
      throw badRequest(`skip: ${JSON.stringify(text)} is no duration such as 90s, 5m or 1h30m`);
    if (milliseconds < 1 || milliseconds > longest) throw badRequest(`skip: ${text} is not between 1ms and 8760h`);
    await skip(milliseconds);
  } else if (call.method !== 'GET') throw methodNotAllowed();
  const skipped = formatDuration(clock.skips.reduce((sum, one) => sum + Math.round(one.milliseconds), 0));
  return { code: 200, content: contentOf({ now: clock.now().toISOString(), skipped }) };
}
