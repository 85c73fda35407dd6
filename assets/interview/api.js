// The participant's routes. The server owns the progress; this file only speaks.

/** How long an answer may take before the connection counts as lost. */
const PATIENCE = 20_000;
/** How long a recording may take to be sent, listened to and answered. */
const LISTENING = 120_000;

/** A request that did not succeed. */
export class ApiError extends Error {
  constructor({ status = 0, code = 'OFFLINE', message = 'The server cannot be reached.', retryAfter = null, offline = false, reason = null }) {
    super(message);
    Object.assign(this, { status, code, retryAfter, offline, reason });
  }

  /** Whether the same request may succeed later. */
  get temporary() {
    // Where there is a reason, somebody has to decide something first.
    if (this.reason) return false;
    return this.offline || this.status === 429 || this.status >= 500 || this.code === 'IDEMPOTENCY_IN_PROGRESS';
  }
}

/** A number that no other request of this page has. */
function unique() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function failure(response) {
  const text = await response.text().catch(() => '');
  let error = {};
  try {
    error = JSON.parse(text).error ?? {};
  } catch {
    // Something in between answered, such as a proxy.
  }
  const seconds = Number.parseInt(response.headers.get('Retry-After') ?? error.retryAfter ?? '', 10);
  return new ApiError({
    status: response.status,
    code: error.code ?? 'UNKNOWN',
    message: error.message ?? `HTTP ${response.status}`,
    retryAfter: Number.isFinite(seconds) ? seconds : null,
    reason: error.details?.reason ?? error.details?.fields?.[0]?.code ?? null,
  });
}

/** The routes of one invite; `base` is the URL of its interview in the API. */
export function createApi(base, store, device) {
  async function send(method, path, { body, key, authorized, signal, sound = false, patience = PATIENCE }) {
    const headers = { Accept: sound ? '*/*' : 'application/json' };
    const form = body instanceof FormData;
    if (body !== undefined && !form) headers['Content-Type'] = 'application/json';
    if (key) headers['Idempotency-Key'] = key;
    if (authorized) headers.Authorization = `Bearer ${store.get('session')}`;
    let response;
    try {
      response = await fetch(base + path, {
        method,
        headers,
        body: body === undefined || form ? body : JSON.stringify(body),
        cache: 'no-store',
        credentials: 'omit',
        signal: AbortSignal.any([AbortSignal.timeout(patience), ...(signal ? [signal] : [])]),
      });
      if (response.ok) return await (sound ? response.blob() : response.json());
    } catch {
      signal?.throwIfAborted();
      throw new ApiError({ offline: true });
    }
    throw await failure(response);
  }

  /** A request with the session's credential, which is renewed once if the server does not know it (any more). */
  async function inSession(method, path, options = {}) {
    if (!store.get('session')) await connect();
    try {
      return await send(method, `/session${path}`, { ...options, authorized: true });
    } catch (error) {
      if (error.status !== 401) throw error;
      await connect();
      return send(method, `/session${path}`, { ...options, authorized: true });
    }
  }

  async function connect() {
    const { session, sessionToken } = await send('POST', '/session', { body: { device } });
    store.set('session', sessionToken);
    return session;
  }

  return {
    /** What the participant is invited to, and where it stands. */
    interview: () => send('GET', '', {}),
    /** Begins the session, or comes back to it. */
    connect,
    /** What comes next in the conversation. */
    next: () => inSession('GET', '/next'),
    /** A line of the interviewer as sound. */
    line: (utteranceId) => inSession('GET', `/speech?utterance=${encodeURIComponent(utteranceId)}`, { sound: true }),
    heartbeat: () => inSession('POST', '/heartbeat', { body: {} }),
    /**
     * An action, as a function that can be called again until it gets through: the server recognizes the repetition by
     * its key, and an answer by its sequence number as well. `signal` gives it up.
     */
    action(path, body = {}) {
      const key = unique();
      return (signal) => inSession('POST', path, { body, key, signal });
    },
    /** A spoken answer, as an action. */
    spoken({ promptId, seq, recording }) {
      const key = unique();
      const body = new FormData();
      body.append('promptId', promptId);
      body.append('seq', String(seq));
      // The server tells the type by the bytes; the name is for people.
      body.append('file', recording, `answer-${promptId}.${recording.type.includes('mp4') ? 'm4a' : 'webm'}`);
      return (signal) => inSession('POST', '/answers/spoken', { body, key, signal, patience: LISTENING });
    },
  };
}

/** What the server notes about the participant's device: names and versions, nothing that identifies it. */
export function describeDevice({ userAgent, maxTouchPoints }) {
  const browsers = [
    ['Edge', /Edg\w*\/(\d+)/],
    ['Opera', /OPR\/(\d+)/],
    ['Samsung Internet', /SamsungBrowser\/(\d+)/],
    ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
    ['Chrome', /(?:Chrome|CriOS|HeadlessChrome)\/(\d+)/],
    ['Safari', /Version\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari/],
  ];
  const systems = [
    ['iOS', /iPhone OS (\d+(?:_\d+)?)/],
    ['iPadOS', /iPad; CPU OS (\d+(?:_\d+)?)/],
    ['Android', /Android (\d+)/],
    ['Windows', /Windows NT ()/],
    ['macOS', /Mac OS X (\d+[._]\d+)/],
    ['ChromeOS', /CrOS ()/],
    ['Linux', /Linux ()/],
  ];
  const first = (table) => {
    for (const [name, pattern] of table) {
      const match = pattern.exec(userAgent);
      if (match) return `${name} ${match[1].replace('_', '.')}`.trim();
    }
    return null;
  };
  // An iPad calls itself a Mac, but no Mac has a touch screen.
  const tablet = /iPad|Tablet/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1)
    || (/Android/.test(userAgent) && !/Mobile/.test(userAgent));
  const type = tablet ? 'tablet' : /Mobi|iPhone/.test(userAgent) ? 'mobile' : 'desktop';
  return { browser: first(browsers), os: first(systems), type };
}
