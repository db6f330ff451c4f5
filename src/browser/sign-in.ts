/** The link's token is sent by form at once, so that it does not stay in the address bar or the history. */
const form = document.querySelector<HTMLFormElement>('form[data-sign-in]');
if (form) {
  history.replaceState(null, '', location.pathname);
  form.requestSubmit();
}
