// One command on its way to the server. It is kept in this browser until it is
// answered, and sent again with the same id: the server does it once, however
// often it comes. Survives a lost connection, a reload and a restart of either side.

const RETRY_FIRST_MS = 400;
const RETRY_MAX_MS = 4000;
/** Age after which a command is not sent again unasked: the clerk may have
 *  walked away, and the resident too. */
const UNASKED_MS = 120000;
const ANSWER_MS = 8000;

/** A random id (RFC 9562, version 4). `crypto.randomUUID` is missing on pages
 *  that come by plain HTTP from another machine. */
function commandId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class Outbox {
  #key;
  #pending = null;
  #timer = 0;
  #retry = RETRY_FIRST_MS;
  #isSending = false;
  #onChange;
  #onReply;

  /**
   * `place` names the counter. `onChange(pending)` at each change of what is on
   * its way: `{type, tries, isHeld, trouble}` or null. `onReply(reply, type)`
   * with the server's answer.
   */
  constructor(place, onChange, onReply) {
    this.#key = `usher.outbox.${place}`;
    this.#onChange = onChange;
    this.#onReply = onReply;
    this.#pending = this.#read();
    if (this.#pending) queueMicrotask(() => this.#attempt());
  }

  get pending() {
    return this.#pending;
  }

  /** Takes a command, unless another is on its way. */
  send(type, body) {
    if (this.#pending) return false;
    this.#pending = {
      id: commandId(),
      body: { type, ...body },
      type,
      madeAt: Date.now(),
      tries: 0,
      isHeld: false,
      trouble: null,
    };
    this.#retry = RETRY_FIRST_MS;
    this.#write();
    this.#attempt();
    return true;
  }

  /** Sends at once: the connection is back, or the clerk says so. */
  sendNow() {
    if (!this.#pending) return;
    this.#pending.isHeld = false;
    this.#pending.madeAt = Date.now();
    this.#attempt();
  }

  /** The connection is back. */
  resume() {
    if (this.#pending && !this.#pending.isHeld) this.#attempt();
  }

  /** Gives the command up. If the server has done it, the state shows it. */
  forget() {
    this.#pending = null;
    this.#write();
  }

  async #attempt() {
    clearTimeout(this.#timer);
    const command = this.#pending;
    if (!command || this.#isSending) return;
    if (Date.now() - command.madeAt > UNASKED_MS) {
      command.isHeld = true;
      this.#write();
      return;
    }
    this.#isSending = true;
    command.tries += 1;
    this.#write();
    const reply = await this.#post(command);
    this.#isSending = false;
    if (this.#pending !== command) {
      // Forgotten meanwhile; another one may have been made since.
      if (this.#pending) this.#attempt();
      return;
    }
    if (reply.outcome === "accepted" || reply.outcome === "rejected") {
      this.#pending = null;
      this.#write();
      this.#onReply(reply, command.type);
      return;
    }
    command.trouble = reply.reason;
    this.#write();
    this.#timer = setTimeout(() => this.#attempt(), this.#retry);
    this.#retry = Math.min(this.#retry * 2, RETRY_MAX_MS);
  }

  async #post(command) {
    const request = {
      v: 1,
      id: command.id,
      sent_at: new Date().toISOString(),
      boot: 0,
      body: command.body,
    };
    try {
      const answer = await fetch("/api/v1/requests", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      return await answer.json();
    } catch {
      return { outcome: "unavailable", reason: "the server does not answer" };
    }
  }

  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key));
      return kept?.id && kept?.body ? kept : null;
    } catch {
      return null;
    }
  }

  #write() {
    try {
      if (this.#pending) localStorage.setItem(this.#key, JSON.stringify(this.#pending));
      else localStorage.removeItem(this.#key);
    } catch {
      // Storage is full or forbidden: the command lives as long as the page.
    }
    this.#onChange(this.#pending);
  }
}
