import { randomBytes } from 'node:crypto';

/** Milliseconds in which a ticket must be used. */
const LIFE = 30_000;

/** Unguessable, used once, and no cookie: what a foreign page cannot have, though the browser sends it our cookies. */
export interface Tickets {
  issue(viewer: string): string;
  /** Whose ticket it was, or undefined for an unknown, used or old one. */
  redeem(ticket: string): string | undefined;
}

export function createTickets(now: () => number = Date.now): Tickets {
  const open = new Map<string, { viewer: string; until: number }>();
  return {
    issue(viewer) {
      for (const [ticket, { until }] of open) if (until < now()) open.delete(ticket);
      const ticket = randomBytes(24).toString('hex');
      open.set(ticket, { viewer, until: now() + LIFE });
      return ticket;
    },
    redeem(ticket) {
      const found = open.get(ticket);
      open.delete(ticket);
      return found && found.until >= now() ? found.viewer : undefined;
    },
  };
}
