/** The one rule for tenant ids, in gateway and API alike: 1–128 of letters, digits, `.`, `_`, `:` and `-`. */
const TENANT_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** Why a request is not served, in the words that the answer's body carries. */
export type Refusal = {
  readonly status: number;
  /** Machine-readable, stable. */
  readonly reason: string;
  readonly message: string;
  /** Sent as `Retry-After`, whole seconds. */
  readonly retryAfterSeconds?: number;
};

export type TenantReading =
  | { readonly tenant: string; readonly refusal?: never }
  | { readonly tenant?: never; readonly refusal: Refusal };

export const isTenantId = (value: string): boolean => TENANT_ID.test(value);

/** Missing: 422, as the original's framework answers. Empty, malformed or given twice (joined by `, `): 400. */
export function readTenantId(header: string | readonly string[] | undefined, name: string): TenantReading {
  if (header === undefined) {
    return { refusal: { status: 422, reason: "tenant_missing", message: `Header ${name} is required.` } };
  }
  const value = typeof header === "string" ? header : header.join(", ");
  if (isTenantId(value)) return { tenant: value };
  return {
    refusal: {
      status: 400,
      reason: "tenant_malformed",
      message: `Header ${name} must be 1 to 128 of A-Z a-z 0-9 . _ : -`,
    },
  };
}
