import { defineMiddleware } from 'astro:middleware';

/** xterm.js and the highlighter set styles on elements; scripts are files of ours, without exception. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const OPEN = /^\/(sign-in\/?)?$/;

export const onRequest = defineMiddleware(async (context, next) => {
  const closed = context.locals.signedOut && !OPEN.test(context.url.pathname);
  const response = await (closed ? next('/sign-in/') : next());
  if (import.meta.env.PROD && response.headers.get('content-type')?.startsWith('text/html')) {
    response.headers.set('content-security-policy', POLICY);
    response.headers.set('referrer-policy', 'no-referrer');
    response.headers.set('x-content-type-options', 'nosniff');
    response.headers.set('cache-control', 'no-store');
  }
  return response;
});
