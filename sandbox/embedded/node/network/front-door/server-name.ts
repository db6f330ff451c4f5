/** What a client says before anything is encrypted. `more`: not all of it is there yet; `other`: it is not TLS. */
export type Hello = { kind: 'more' | 'other' } | { kind: 'hello'; serverName?: string };

/** Bytes of a first message that is read; those of clients with post-quantum keys have about 2,000. */
export const longestHello = 32_768;

const handshake = 22;
const clientHello = 1;
const serverName = 0;

/** Reads the ClientHello at the start of a connection, in however many records. https://datatracker.ietf.org/doc/html/rfc8446#section-4.1.2 */
export function readHello(bytes: Buffer): Hello {
  const parts: Buffer[] = [];
  let have = 0;
  for (let at = 0; ; ) {
    if (bytes.length > at && bytes[at] !== handshake) return { kind: 'other' };
    if (bytes.length > at + 1 && bytes[at + 1] !== 3) return { kind: 'other' };
    if (bytes.length < at + 5) return { kind: 'more' };
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0) return { kind: 'other' };
    const part = bytes.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    if (have >= 4) {
      const message = Buffer.concat(parts);
      if (message[0] !== clientHello) return { kind: 'other' };
      const size = message.readUIntBE(1, 3);
      if (size > longestHello) return { kind: 'other' };
      if (message.length >= size + 4) return readExtensions(message.subarray(4, size + 4));
    }
    if (part.length < length) return { kind: 'more' };
    at += 5 + length;
  }
}

function readExtensions(body: Buffer): Hello {
  try {
    // Version, random number; then session, ciphers, compressions, each with its length before it.
    let at = 34;
    at += 1 + body.readUInt8(at);
    at += 2 + body.readUInt16BE(at);
    at += 1 + body.readUInt8(at);
    if (at === body.length) return { kind: 'hello' };
    const end = at + 2 + body.readUInt16BE(at);
    for (at += 2; at + 4 <= end; ) {
      const type = body.readUInt16BE(at);
      const length = body.readUInt16BE(at + 2);
      if (type === serverName) return { kind: 'hello', ...nameIn(body.subarray(at + 4, at + 4 + length)) };
      at += 4 + length;
    }
    return { kind: 'hello' };
  } catch {
    // A length that leads out of the message.
    return { kind: 'other' };
  }
}

/** https://datatracker.ietf.org/doc/html/rfc6066#section-3 */
function nameIn(list: Buffer): { serverName?: string } {
  if (list.length < 5 || list[2] !== 0) return {};
  const length = list.readUInt16BE(3);
  return { serverName: list.subarray(5, 5 + length).toString('latin1') };
}
