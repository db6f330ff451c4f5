/** What the bench has bash ask with, whatever the machine's own start file says. */
export const PROMPT = 'bench> ';
/** The same bash behind both servers. */
export const BENCH_SHELL: Record<string, string> = {
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  TERM: 'xterm-256color',
  HOME: '/',
};
