// The connection to the office's server: the newest state, the server's clock,
// and whether the server is there. Never polls.

/** Silence after which the connection is taken for lost. The server tells the
 *  time every 2 s (TIME_EVERY in src/web/events.rs). */
const SILENCE_MS = 5000;
const REOPEN_MS = 1500;

export class Live {
  #onState;
  #onLink;
  #source = null;
  #silence = 0;
  #reopen = 0;
  #link = "lost";
  #sequence = -1;
  /** Server's clock minus this computer's, milliseconds. */
  #ahead = 0;
  lastHeard = 0;

  /** `onState(state)` for each newer state, `onLink("live" | "lost")` at a change. */
  constructor(onState, onLink) {
    this.#onState = onState;
    this.#onLink = onLink;
    this.#open();
    window.addEventListener("online", () => this.#open());
  }

  get link() {
    return this.#link;
  }

  /** The time by the server's clock. */
  now() {
    return Date.now() + this.#ahead;
  }

  /** Asks for the state once: after an answer, what it changed is shown at once. */
  async refresh() {
    try {
      const answer = await fetch("/api/v1/state", { cache: "no-store" });
      if (answer.ok) this.#take(await answer.json());
    } catch {
      // The push will bring it.
    }
  }

  #open() {
    this.#source?.close();
    clearTimeout(this.#reopen);
    const source = new EventSource("/api/v1/events");
    let isFirst = true;
    source.addEventListener("state", (event) => {
      // A server that started with another log may count from the beginning.
      if (isFirst) this.#sequence = -1;
      isFirst = false;
      this.#heard();
      this.#take(JSON.parse(event.data));
    });
    source.addEventListener("time", (event) => {
      this.#ahead = Date.parse(JSON.parse(event.data).server_time) - Date.now();
      this.#heard();
    });
    source.addEventListener("error", () => this.#lose());
    this.#source = source;
    this.#watch();
  }

  #take(state) {
    if (state.sequence < this.#sequence) return;
    this.#sequence = state.sequence;
    this.#onState(state);
  }

  #heard() {
    this.lastHeard = Date.now();
    this.#watch();
    this.#set("live");
  }

  #watch() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(), SILENCE_MS);
  }

  #lose() {
    this.#source?.close();
    clearTimeout(this.#silence);
    clearTimeout(this.#reopen);
    this.#reopen = setTimeout(() => this.#open(), REOPEN_MS);
    this.#set("lost");
  }

  #set(link) {
    if (link === this.#link) return;
    this.#link = link;
    this.#onLink(link);
  }
}
