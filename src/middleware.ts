import { defineMiddleware } from 'astro:middleware';

const OPEN = /^\/(sign-in\/?)?$/;

/** Whoever has no session is told where the link is, on every page. Headers of security are the server's. */
export const onRequest = defineMiddleware((context, next) =>
  context.locals.signedOut && !OPEN.test(context.url.pathname) ? next('/sign-in/') : next(),
);
