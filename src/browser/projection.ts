/** Shows the theory alone and large, for a room; the same nodes, lent to a dialog and given back. */
export function wireProjection(pane: HTMLElement): { project(): void } {
  const theory = pane.querySelector<HTMLElement>('[data-theory]');
  const dialog = theory?.querySelector<HTMLDialogElement>('[data-projection]');
  const content = theory?.querySelector<HTMLElement>('[data-theory-content]');
  const project = () => {
    if (!dialog || !content || dialog.open) return;
    const place = document.createComment('');
    content.replaceWith(place);
    dialog.append(content);
    dialog.showModal();
    dialog.scrollTop = 0;
    dialog.addEventListener('close', () => place.replaceWith(content), { once: true });
  };
  theory?.querySelector('[data-project]')?.addEventListener('click', project);
  return { project };
}
