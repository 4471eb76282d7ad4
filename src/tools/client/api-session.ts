/** A user's login that outlives its access token. */
import { ApiClient, type Tokens } from './api-client.js';
import { ApiError } from './client.errors.js';

/** Half of a token's life: what is handed out always has time to be used, a socket's whole handshake included. */
const RENEW_AFTER_SHARE = 0.5;

/**
 * Keeps an access token fresh, by refresh and, when the family is gone, by a new login.
 * `accessToken` is bound, so it can be passed on as a function.
 */
export class ApiSession {
  private readonly api: ApiClient;
  private tokens?: Tokens;
  private renewAtMs = 0;
  private renewing?: Promise<Tokens>;

  constructor(
    baseUrl: string,
    private readonly email: string,
    private readonly password: string,
    private readonly nowMs: () => number = Date.now,
  ) {
    this.api = new ApiClient(baseUrl);
  }

  /** @throws ApiError when the login is refused, UnreachableError when nobody answers */
  readonly accessToken = async (): Promise<string> => {
    if (this.tokens !== undefined && this.nowMs() < this.renewAtMs) return this.tokens.accessToken;
    // One renewal for all who ask meanwhile: a refresh token is good for one use.
    this.renewing ??= this.renew().finally(() => (this.renewing = undefined));
    return (await this.renewing).accessToken;
  };

  private async renew(): Promise<Tokens> {
    const askedAtMs = this.nowMs();
    this.tokens = await this.fetchTokens();
    this.renewAtMs = askedAtMs + this.tokens.expiresIn * 1000 * RENEW_AFTER_SHARE;
    return this.tokens;
  }

  private async fetchTokens(): Promise<Tokens> {
    if (this.tokens !== undefined) {
      try {
        return await this.api.refresh(this.tokens.refreshToken);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status >= 500) throw error;
      }
    }
    return this.api.login(this.email, this.password);
  }
}
