import { BlockList, isIP } from 'node:net';

/** Whether an address is in one of these networks or is one of these addresses. Throws as Traefik does for what is neither. */
export function inNetworks(networks: string[]): (address: string) => boolean {
  if (networks.length === 0) throw new Error('no trusted IPs provided');
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address);
    const longest = family === 6 ? 128 : 32;
    if (family === 0 || (bits !== undefined && !(Number(bits) >= 0 && Number(bits) <= longest)))
      throw new Error(`parsing CIDR trusted IPs <nil>: invalid CIDR address: ${network}`);
    if (bits === undefined) list.addAddress(address, family === 6 ? 'ipv6' : 'ipv4');
    else list.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
  }
  return (address) => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}
