/** What a token's roles allow: protocol.md, "What you may do". The server decides; this only hides. */

export interface Rights {
  readonly opens: boolean;
  readonly closes: boolean;
  readonly overrides: boolean;
  readonly halts: boolean;
  readonly releases: boolean;
  readonly administers: boolean;
  readonly confirms: boolean;
  readonly goesAlone: boolean;
  /** Alerts and the audit's channel. */
  readonly oversees: boolean;
}

export function rightsOf(roles: readonly string[]): Rights {
  const has = (...any: readonly string[]) => any.some((role) => roles.includes(role));
  return {
    opens: has("trader"),
    closes: has("trader", "risk", "break_glass"),
    overrides: has("risk"),
    halts: has("trader", "risk", "admin"),
    releases: has("risk", "admin"),
    administers: has("admin"),
    confirms: has("risk"),
    goesAlone: has("break_glass"),
    oversees: has("risk", "admin"),
  };
}
