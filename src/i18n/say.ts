/** Replaces `{name}` in a message; a name without a value stays, so that it is seen. */
export function say(message: string, values: Readonly<Record<string, string | number>>): string {
  return message.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
