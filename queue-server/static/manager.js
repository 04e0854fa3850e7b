// The office at a glance. Tables first: everything reads without colour, and
// by a screen reader.

import { Live } from "./live.js";
import {
  element, holds, isInDoubt, listed, minutesBetween, minutesLong, plural, setText, spaced, timeOfDay, waitRange,
} from "./words.js";

const at = (id) => document.getElementById(id);
const WAITING_SHOWN_MAX = 40;
const CALLS_SHOWN_MAX = 10;
/** A wait that somebody should know of, minutes: the half hour that Californians
 *  are promised at most (Vehicle Code 1669). */
const LONG_WAIT_MINUTES = 30;

const STATE_WORDS = { closed: "Closed", free: "Ready", on_break: "Break", called: "Called", serving: "Serving" };
const ROLE_WORDS = { kiosk: "Kiosk", "hall-display": "Hall display", counter: "Keypad" };

let office = null;

const live = new Live((state) => { office = state; show(); }, (link) => {
  document.body.dataset.link = link;
  at("link").dataset.link = link;
  setText(at("link-text"), link === "live" ? "Connected" : "Connection lost");
  showNotice();
});

function serviceName(id) {
  return office.info.services.find((service) => service.id === id)?.name.en ?? id;
}

/** Services that residents wait for though the office file has lost them; any
 *  open counter can call those residents. */
function lostServices() {
  const known = new Set(office.info.services.map((service) => service.id));
  const waiting = new Map();
  for (const { service } of office.waiting) {
    if (!known.has(service)) waiting.set(service, (waiting.get(service) ?? 0) + 1);
  }
  const open = office.counters.filter((counter) => counter.state !== "closed").length;
  return [...waiting].map(([service, count]) => ({
    service, waiting: count, counters_open: open, wait: null, isLost: true,
  }));
}

function waitedMinutes(visit) {
  return minutesBetween(Date.parse(visit.arrived_at), live.now());
}

function row(cells) {
  const made = element("tr");
  cells.forEach(([text, className, mark], index) => {
    const cell = element(index === 0 ? "th" : "td", className);
    if (index === 0) cell.scope = "row";
    if (mark) {
      const label = element("span", "state-mark", text);
      label.dataset.state = mark;
      cell.append(label);
    } else {
      cell.textContent = text;
    }
    made.append(cell);
  });
  return made;
}

function fill(id, rows, columns, emptyWords) {
  if (rows.length === 0) {
    const cell = element("td", "table-empty", emptyWords);
    cell.colSpan = columns;
    const made = element("tr");
    made.append(cell);
    rows = [made];
  }
  at(id).replaceChildren(...rows);
}

function show() {
  if (!office) return;
  const zone = office.info.time_zone;
  const now = live.now();
  setText(at("clock"), timeOfDay(now, zone));
  at("clock").dateTime = new Date(now).toISOString();

  const longestOf = (id) => office.waiting
    .filter((visit) => id === null || visit.service === id)
    .reduce((longest, visit) => Math.max(longest, waitedMinutes(visit)), -1);
  const longest = longestOf(null);
  const open = office.counters.filter((counter) => counter.state !== "closed");
  setText(at("figure-waiting"), String(office.waiting_total));
  setText(at("figure-longest"), longest < 0 ? "–" : longest < 1 ? "< 1 min" : minutesLong(longest));
  setText(at("figure-counters"), `${open.length} of ${office.counters.length}`);
  setText(at("figure-served"), String(office.served_today));

  fill("services", [...office.waits.services, ...lostServices()].map((wait) => {
    const oldest = wait.waiting > 0 ? longestOf(wait.service) : -1;
    const isUnserved = wait.waiting > 0 && wait.counters_open === 0;
    return row([
      [wait.isLost ? `${wait.service} (no longer in the office file)` : serviceName(wait.service)],
      [String(wait.waiting), wait.waiting > 0 ? "amount strong" : "amount"],
      [oldest < 0 ? "–" : oldest < 1 ? "< 1 min" : minutesLong(oldest), "amount"],
      [String(wait.counters_open), isUnserved ? "amount warning" : "amount"],
      [waitRange(wait.wait), wait.wait ? "amount" : "amount faint"],
    ]);
  }), 5, "The office file has no services.");

  fill("counters", office.counters.map((counter) => {
    const { visit } = counter;
    const since = visit && Date.parse(visit.started_at ?? visit.called_at);
    return row([
      [counter.label],
      [STATE_WORDS[counter.state], "", counter.state],
      [visit ? spaced(visit.number) : "–", visit ? "strong" : "faint"],
      [visit ? serviceName(visit.service) : "–", visit ? "" : "faint"],
      [visit ? minutesLong(minutesBetween(since, now)) : "–", visit ? "amount" : "amount faint"],
      [String(counter.waiting), "amount"],
    ]);
  }), 6, "The office file has no counters.");

  fill("waiting", office.waiting.slice(0, WAITING_SHOWN_MAX).map((visit) => {
    const minutes = waitedMinutes(visit);
    const isDoubtful = !visit.on_paper && ["not_printed", "unknown"].includes(visit.print);
    return row([
      [spaced(visit.number), "strong"],
      [serviceName(visit.service)],
      [timeOfDay(Date.parse(visit.arrived_at), zone), "amount"],
      [minutesLong(minutes), minutes >= LONG_WAIT_MINUTES ? "amount strong" : "amount"],
      [holds(visit, now), isDoubtful ? "warning" : ""],
    ]);
  }), 5, "Nobody waits.");
  const hidden = office.waiting_total - Math.min(office.waiting.length, WAITING_SHOWN_MAX);
  setText(at("waiting-more"), hidden > 0 ? `the first ${WAITING_SHOWN_MAX} of ${office.waiting_total}` : "");

  fill("calls", office.calls.calls.slice(0, CALLS_SHOWN_MAX).map((call) => row([
    [spaced(call.number), "strong"],
    [call.counter_label, "amount"],
    [timeOfDay(Date.parse(call.called_at), zone), "amount"],
    [call.serving ? "Serving" : call.times_called > 1 ? `Called ${call.times_called} times` : "Called"],
  ])), 4, "Nobody was called yet.");

  fill("devices", office.devices.map((device) => row([
    [`${device.id} (${ROLE_WORDS[device.role] ?? device.role})`],
    connection(device, zone),
    printer(device),
    scanner(device),
  ])), 4, "The office file has no devices.");

  showAttention(longest, open);
  showNotice();
}

function connection(device, zone) {
  if (device.online === true) return ["Connected"];
  if (device.online === null) return ["Not seen yet", "faint"];
  const since = device.reported_at ? ` since ${timeOfDay(Date.parse(device.reported_at), zone)}` : "";
  return [`Away${since}`, "warning"];
}

function printer(device) {
  const { status } = device;
  if (!status || status.printer_ready === null) return ["–", "faint"];
  const words = status.printer ?? (status.printer_ready ? "ready" : "not ready");
  return [words.charAt(0).toUpperCase() + words.slice(1), status.printer_ready ? "" : "warning"];
}

function scanner(device) {
  const ready = device.status?.scanner_ready ?? null;
  if (ready === null) return ["–", "faint"];
  return ready ? ["Ready"] : ["Not ready", "warning"];
}

/** The numbers of some visits, the first few. */
function numbersOf(visits) {
  const numbers = visits.slice(0, 6).map((visit) => spaced(visit.number)).join(", ");
  return `${numbers}${visits.length > 6 ? " and more" : ""}`;
}

/** What somebody should do, most urgent first. */
function attention(longest, open) {
  const list = [];
  if (!office.accepting) {
    list.push(`The server cannot store${office.trouble ? ` (${office.trouble})` : ""}: work on paper until it can.`);
  }
  // What the server noted by itself, as a paper form that it had to refuse.
  for (const note of office.attention ?? []) {
    list.push(`${timeOfDay(Date.parse(note.at), office.info.time_zone)}: ${note.text}`);
  }
  list.push(...countersToOpen());
  for (const { service, waiting } of lostServices()) {
    list.push(`${waiting} ${plural(waiting, "resident waits", "residents wait")} for ${service}, which is no longer in the office file: any open counter calls them when it is their turn.`);
  }
  if (longest >= LONG_WAIT_MINUTES && open.length < office.counters.length) {
    list.push(`The longest wait is ${minutesLong(longest)}: one more counter would shorten it.`);
  }
  for (const device of office.devices) {
    const name = `${ROLE_WORDS[device.role] ?? device.role} ${device.id}`;
    if (device.online === false) {
      list.push(`${name} is not connected: look whether it is on and its cable is in.`);
    } else if (device.status?.printer_ready === false) {
      list.push(`${name} cannot print: ${device.status.printer ?? "printer not ready"}. Residents are shown their number instead.`);
    } else if (device.status?.scanner_ready === false) {
      list.push(`${name} has no ID scanner: residents choose a service by touch.`);
    }
    const papers = device.status?.papers_waiting ?? 0;
    if (papers > 0) {
      list.push(`${name} gave out ${papers} ${plural(papers, "paper form", "paper forms")} that ${plural(papers, "is", "are")} not in the queue yet.`);
    }
  }
  const now = live.now();
  const without = office.waiting.filter((visit) => !visit.on_paper && visit.print === "not_printed");
  if (without.length > 0) {
    list.push(`${numbersOf(without)}: no ticket came out. The resident was shown the number; ask whether it is written down.`);
  }
  const doubtful = office.waiting.filter((visit) => isInDoubt(visit, now));
  if (doubtful.length > 0) {
    list.push(`${numbersOf(doubtful)}: nobody knows whether the ticket came out. Ask in the hall who waits without a number.`);
  }
  for (const visit of office.waiting.filter((candidate) => candidate.same_number_as)) {
    list.push(`Two papers have the number ${spaced(visit.number)}: compare the time on the paper.`);
  }
  return list;
}

/** Which counters to open so that every service that somebody waits for is
 *  served: each time the one that serves most of those who cannot be called. */
function countersToOpen() {
  const unserved = new Map(office.waits.services
    .filter((wait) => wait.waiting > 0 && wait.counters_open === 0)
    .map((wait) => [wait.service, wait.waiting]));
  const closed = office.counters.filter((counter) => counter.state === "closed");
  const lines = [];
  while (unserved.size > 0) {
    const offers = closed.map((counter) => {
      const services = counter.services.filter((id) => unserved.has(id));
      return { counter, services, waiting: services.reduce((sum, id) => sum + unserved.get(id), 0) };
    });
    const best = offers.reduce((most, offer) => (offer.waiting > most.waiting ? offer : most), { waiting: 0 });
    if (best.waiting === 0) break;
    const names = listed(best.services.map(serviceName));
    lines.push(`Open counter ${best.counter.label}: ${best.waiting} ${plural(best.waiting, "resident waits", "residents wait")} for ${names}, which no open counter serves.`);
    best.services.forEach((id) => unserved.delete(id));
  }
  for (const [id, waiting] of unserved) {
    lines.push(`${waiting} ${plural(waiting, "resident waits", "residents wait")} for ${serviceName(id)}, which no counter of the office file serves: send them to a supervisor.`);
  }
  return lines;
}

let shownAttention = "";

function showAttention(longest, open) {
  const list = attention(longest, open);
  const text = list.join("\n");
  if (text === shownAttention && at("attention").children.length > 0) return;
  shownAttention = text;
  const items = list.length > 0
    ? list.map((line) => element("li", "", line))
    : [element("li", "calm", "Nothing. All services that residents wait for are served, and all devices work.")];
  at("attention").replaceChildren(...items);
}

function showNotice() {
  let text = "";
  if (live.link === "lost" && office) {
    text = `No connection to the office's server since ${timeOfDay(live.lastHeard, office.info.time_zone, true)}. You see the last known state.`;
  }
  at("notice").hidden = text === "";
  setText(at("notice"), text);
}

setInterval(show, 15000);
