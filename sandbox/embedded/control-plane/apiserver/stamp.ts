/** A timestamp as objects carry it. */
export const stamp = (now: Date): string => `${now.toISOString().slice(0, 19)}Z`;
