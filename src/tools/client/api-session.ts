import { ApiClient, type Tokens } from './api-client.js';
import { ApiError } from './client.errors.js';

/** Share of a token's lifetime: a returned token is always valid long enough for a socket handshake. */
const RENEW_AFTER_SHARE = 0.5;

/**
 * The login of a user. It renews the access token with the refresh token or, when that is refused, with a new login.
 * `accessToken` is bound and can be passed as a function.
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

  /** @throws ApiError when the login is refused, UnreachableError when no service answers */
  readonly accessToken = async (): Promise<string> => {
    if (this.tokens !== undefined && this.nowMs() < this.renewAtMs) return this.tokens.accessToken;
    // Concurrent calls share one renewal: a refresh token can be used once.
    this.renewing ??= this.renew().finally(() => (this.renewing = undefined));
    return (await this.renewing).accessToken;
  };

  private async renew(): Promise<Tokens> {
    const requestedAtMs = this.nowMs();
    this.tokens = await this.fetchTokens();
    this.renewAtMs = requestedAtMs + this.tokens.expiresIn * 1000 * RENEW_AFTER_SHARE;
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
