/// <reference types="astro/client" />

declare namespace App {
  interface Locals {
    /** What the server in front knows about the visitor; absent in `astro dev` and previews. */
    atelier?: import('./layouts/page-context.ts').PageContext;
    /** Set by the server in front when the visitor has no session: every page becomes the sign-in page. */
    signedOut?: boolean;
    /** The lesson being rendered, for the components of its prose. */
    reading?: import('./layouts/catalogue.ts').Reading;
  }
}
