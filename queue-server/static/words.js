// Words and numbers as people read them. Pure: no page, no clock of its own.

const languageNames = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });

/** "B42" as it is printed and spoken: "B 42". */
export function spaced(number) {
  const found = /^([A-Z]+)([0-9]+)$/.exec(number);
  return found ? `${found[1]} ${found[2]}` : number;
}

/** A time of day in the office's own time zone. */
export function timeOfDay(when, timeZone, withSeconds = false) {
  const style = { hour: "numeric", minute: "2-digit", timeZone };
  if (withSeconds) style.second = "2-digit";
  try {
    return new Intl.DateTimeFormat("en-US", style).format(when);
  } catch {
    // A browser with older time zone data than the office file.
    return new Intl.DateTimeFormat("en-US", { ...style, timeZone: undefined }).format(when);
  }
}

/** Whole minutes between two times, never below 0. */
export function minutesBetween(from, to) {
  return Math.max(0, Math.floor((to - from) / 60000));
}

/** A length of time in minutes: "just now", "7 min", "1 h 05 min". */
export function minutesLong(minutes) {
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** A running time: "4:07", "1:04:07". */
export function stopwatch(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (value) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A wait as a range: "10–25 min". */
export function waitRange(wait) {
  if (!wait) return "–";
  const { low_minutes: low, high_minutes: high } = wait;
  return low === high ? `${low} min` : `${low}–${high} min`;
}

function nameInEnglish(tag) {
  try {
    return languageNames.of(tag);
  } catch {
    // A tag that this browser takes for none: the page must live on.
    return tag;
  }
}

/** A language in English and in itself: "Spanish · Español". */
export function languageName(tag, info) {
  const own = info.languages.find((language) => language.tag === tag)?.name;
  const english = nameInEnglish(tag);
  return own && own !== english ? `${english} · ${own}` : english;
}

/** One of two words, by a count. */
export function plural(count, one, many) {
  return count === 1 ? one : many;
}

/** "a", "a and b", "a, b and c". */
export function listed(words) {
  return words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** How long a kiosk may take to tell how a print ended, minutes. */
const PRINT_WORD_MINUTES = 2;

/** What the resident holds, in words for staff. */
export function holds(visit, now) {
  if (visit.on_paper) return "Paper form";
  switch (visit.print) {
    case "printed": return "Ticket";
    case "not_printed": return "No ticket: was shown the number";
    case "unknown": return "Ticket in doubt";
    default: return isOverdue(visit, now) ? "Not confirmed" : "Ticket is printing";
  }
}

/** Whether the kiosk should have told by now how the print ended. */
function isOverdue(visit, now) {
  return visit.print === "pending"
    && minutesBetween(Date.parse(visit.arrived_at), now) >= PRINT_WORD_MINUTES;
}

/** Whether nobody knows that the resident holds a paper. */
export function isInDoubt(visit, now) {
  return !visit.on_paper && (visit.print === "unknown" || isOverdue(visit, now));
}

/** An element with a class and a text. Texts are never read as HTML. */
export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Sets a text only if it changed, so that screen readers stay quiet. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
