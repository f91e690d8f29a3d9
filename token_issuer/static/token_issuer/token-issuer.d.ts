/** What the server answers with a token; `Sdk` is what the vendor's SDK takes, by its names. */
export interface IssuedToken<Sdk = Record<string, any>> {
  readonly token: string;
  readonly format: string;
  readonly token_id: string;
  readonly application: string;
  readonly provider: string;
  readonly public_id: string;
  readonly subject: string;
  readonly resource: string;
  readonly privileges: readonly string[];
  readonly slot: number;
  readonly issued_at: string;
  readonly expires_at: string;
  readonly expires_in: number;
  /** Null where nothing is renewed: the vendor checks it once, when joining, or whoever needs another asks for it. */
  readonly renew_at: string | null;
  readonly renew_in: number | null;
  readonly server_time: string;
  /** Whether it works once. Such a token goes to one caller and is not kept: each `get()` and `renew()` asks anew. */
  readonly one_time: boolean;
  readonly revocation: "immediate" | "at_next_join" | "at_expiry" | "pushed";
  readonly sdk: Readonly<Sdk>;
  readonly notices: readonly string[];
  /** When the pair ends whose refresh token came as a cookie; only where the site sends one. */
  readonly refresh_expires_at?: string;
}

export interface TokenSourceOptions {
  /** The application's slug. */
  application: string;
  /** What the token is to allow, in the provider's words; without it, what its defaults allow. */
  grant?: Record<string, unknown>;
  /** Where `token_issuer.urls` is included, on this page's own origin. */
  baseUrl?: string;
  /** Seconds, or a text such as "10m"; without it, the application's default. */
  lifetime?: number | string;
  /** A device or tab of its own: each slot is another subject at the vendor. */
  slot?: number;
}

export interface TokenErrorDetails {
  status?: number;
  reason?: string;
  description?: string;
  retryAfter?: number | null;
  fields?: Record<string, string[]>;
  requestId?: string;
}

/** A call that failed. It never holds a token. */
export class TokenError extends Error {
  constructor(code: string, details?: TokenErrorDetails);
  /** The server's word (docs/errors.md), or `unreachable`, `garbled`, `closed`, `somebody_else`. */
  readonly code: string;
  /** The HTTP status; 0 when there was no answer that could be read. */
  readonly status: number;
  /** Why policy said no. */
  readonly reason: string;
  /** A sentence for people. */
  readonly description: string;
  /** Seconds to wait, where that helps. */
  readonly retryAfter: number | null;
  /** What is wrong with each field that is. */
  readonly fields: Record<string, string[]>;
  /** Finds the request in the server's log. */
  readonly requestId: string;
}

export interface TokenSourceEvents<Sdk = Record<string, any>> {
  /** There is a new token. */
  token: CustomEvent<IssuedToken<Sdk>>;
  /** The token has 30 seconds left. */
  "will-expire": CustomEvent<IssuedToken<Sdk>>;
  /** The token has expired, and there is no newer one. */
  "did-expire": CustomEvent<IssuedToken<Sdk>>;
  /** Policy says no, or there is no such application (any more). It is not asked again by itself. */
  denied: CustomEvent<TokenError>;
  /** Nobody is signed in (any more), or somebody else is (`somebody_else`). The token is forgotten. */
  "signed-out": CustomEvent<TokenError>;
  /** Anything else that failed. Where waiting helps, and there is a token that renews itself, it is tried again by itself. */
  error: CustomEvent<TokenError>;
}

export interface TokenSource<Sdk = Record<string, any>>
  extends Omit<EventTarget, "addEventListener" | "removeEventListener"> {
  /** The token, fetched or renewed first where that is due; one that works once is always fetched. Rejects with a TokenError. */
  get(): Promise<IssuedToken<Sdk>>;
  /** A new token now, of whoever asks at once, unless it works once. Rejects with a TokenError. */
  renew(): Promise<IssuedToken<Sdk>>;
  /** Ends everything: no timer, no call, no event any more, and the token is forgotten. */
  close(): void;

  addEventListener<Name extends keyof TokenSourceEvents>(
    type: Name,
    listener: (event: TokenSourceEvents<Sdk>[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof TokenSourceEvents>(
    type: Name,
    listener: (event: TokenSourceEvents<Sdk>[Name]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** A source of tokens for one application and grant. Nothing is asked before the first `get()`. */
export function createTokenSource<Sdk = Record<string, any>>(options: TokenSourceOptions): TokenSource<Sdk>;
