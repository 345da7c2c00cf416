/**
 * Names and addresses. With DNS_SERVER every question goes to that server, past the system's caches; without it a backend's
 * name is looked up as the system does (search list and all), and SRV questions, whose names are fully qualified, go to the
 * system's servers.
 */
import { promises as dns, lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { codeOf } from "./classify.ts";

export type Endpoint = { readonly name: string; readonly port: number };

export type Names = {
  readonly lookup: LookupFunction;
  /** Addresses of a name, in the order of the answer. */
  addresses(name: string): Promise<readonly string[]>;
  /** The pods of a headless Service: SRV `_http._tcp.<name>`; none where the name does not exist. */
  pods(headless: string): Promise<readonly Endpoint[]>;
};

export function createNames(dnsServer: string | null, timeoutMs: number): Names {
  const resolver = new dns.Resolver({ timeout: timeoutMs, tries: 2 });
  if (dnsServer !== null) resolver.setServers([dnsServer]);

  const addresses = async (name: string): Promise<readonly string[]> => {
    if (isIP(name) !== 0) return [name];
    try {
      return await resolver.resolve4(name);
    } catch (error) {
      if (codeOf(error) !== "ENODATA") throw error;
      return resolver.resolve6(name);
    }
  };

  const ownLookup: LookupFunction = (hostname, options, callback) => {
    const tell = async (): Promise<void> => {
      const all = await addresses(hostname).then(
        (found) => found.map((address) => ({ address, family: isIP(address) })),
        (error: Error) => error,
      );
      if (all instanceof Error) return callback(all, "");
      if (options.all === true) return callback(null, all);
      const [first] = all;
      if (first) return callback(null, first.address, first.family);
      callback(Object.assign(new Error(`no address for ${hostname}`), { code: "ENOTFOUND" }), "");
    };
    void tell();
  };

  return {
    lookup: dnsServer === null ? systemLookup : ownLookup,
    addresses,
    pods: async (headless) => {
      try {
        const records = await resolver.resolveSrv(`_http._tcp.${headless}`);
        return records.map(({ name, port }) => ({ name, port }));
      } catch (error) {
        const code = codeOf(error);
        if (code === "ENOTFOUND" || code === "ENODATA") return [];
        throw error;
      }
    },
  };
}
