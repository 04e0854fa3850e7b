// The clerk's page. What it shows is what the server last said; a press shows as
// "sending" until the server has answered, and is never taken for done before.

import { Live } from "./live.js";
import { Outbox } from "./outbox.js";
import {
  element, holds, languageName, minutesBetween, minutesLong, plural, setText, spaced, stopwatch,
  timeOfDay,
} from "./words.js";

const page = document.body;
const counterId = page.dataset.counter;
const at = (id) => document.getElementById(id);
const buttons = [...document.querySelectorAll("[data-command]")];
const openClose = at("open-close");
const breakSwitch = at("break-switch");

/** What each state means, which commands it allows, and which is the usual one. */
const STATES = {
  closed: {
    label: "Closed",
    hint: "Open the counter to call residents.",
    allowed: ["open_counter"],
    usual: "open_counter",
  },
  free: {
    label: "Ready",
    hint: "No resident at this counter.",
    allowed: ["call_next", "take_break", "undo", "close_counter"],
    usual: "call_next",
  },
  on_break: {
    label: "On a break",
    hint: "Nobody is called here. Press B when you are back.",
    allowed: ["end_break", "close_counter"],
    usual: "end_break",
  },
  called: {
    label: "Called",
    hint: "Waiting for the resident to come.",
    allowed: ["start_service", "recall", "mark_no_show", "hold_visit", "undo"],
    usual: "start_service",
  },
  serving: {
    label: "Serving",
    hint: "The resident is at this counter.",
    allowed: ["finish_visit", "hold_visit", "undo"],
    usual: "finish_visit",
  },
};

/** For each command: while it is on its way, when it is done, and why not now. */
const COMMANDS = {
  call_next: {
    name: "Call next",
    why: { closed: "Open the counter first: press O.", called: "A resident is called already: start, call again, or “did not come”.", serving: "Finish the present visit first: press F." },
  },
  recall: {
    name: "Call again",
    why: { closed: "The counter is closed.", free: "Nobody is called: press N to call the next.", serving: "The resident has come already." },
  },
  start_service: {
    name: "Start",
    why: { closed: "The counter is closed.", free: "Nobody is called: press N to call the next.", serving: "Service has started already." },
  },
  finish_visit: {
    name: "Finish",
    why: { closed: "The counter is closed.", free: "There is no visit to finish.", called: "Start first (S), or “did not come” (X)." },
  },
  mark_no_show: {
    name: "Did not come",
    why: { closed: "The counter is closed.", free: "Nobody is called.", serving: "The resident has come already: press F to finish." },
  },
  hold_visit: {
    name: "Hold",
    with: { reason: "other" },
    why: { free: "There is no visit to put on hold." },
  },
  take_break: {
    name: "Break",
    why: { called: "A resident is called: finish that visit first.", serving: "Finish the present visit first: press F." },
  },
  end_break: { name: "End break", why: {} },
  undo: { name: "Undo", why: {} },
  open_counter: { name: "Open counter", why: {} },
  close_counter: {
    name: "Close counter",
    why: { called: "A resident is called: finish that visit first.", serving: "Finish the present visit first: press F." },
  },
};

let office = null;
let counter = null;
let isKeysOn = readSwitch();

const live = new Live(showState, showLink);
const outbox = new Outbox(counterId, showPending, showReply);

// ---------------------------------------------------------------- commands

function press(type) {
  if (!counter) return say("Still connecting to the server.", "wrong");
  if (outbox.pending) {
    return say(`Still sending: ${COMMANDS[outbox.pending.type]?.name ?? "a command"}.`, "plain");
  }
  const { state } = counter;
  if (!STATES[state].allowed.includes(type)) {
    const why = { closed: "The counter is closed.", on_break: "You are on a break: press B to end it.", ...COMMANDS[type].why };
    return say(why[state] ?? "Not possible now.", "wrong");
  }
  say("", "plain");
  outbox.send(type, { counter: counterId, ...COMMANDS[type].with });
}

for (const button of buttons) {
  button.addEventListener("click", () => press(button.dataset.command));
}

document.addEventListener("keydown", (event) => {
  if (!isKeysOn || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  // On a keyboard with another script the letter's place counts.
  const letter = /^[a-z]$/i.test(event.key) ? event.key : event.code.replace(/^Key/, "");
  const button = buttons.find((candidate) => candidate.dataset.key === letter.toLowerCase());
  if (!button) return;
  event.preventDefault();
  press(button.dataset.command);
});

at("unsent-send").addEventListener("click", () => outbox.sendNow());
at("unsent-forget").addEventListener("click", () => {
  outbox.forget();
  say("Forgotten. What you see above is what the server knows.", "plain");
  live.refresh();
});

at("keys-switch").addEventListener("click", () => {
  isKeysOn = !isKeysOn;
  try {
    localStorage.setItem("usher.keys", isKeysOn ? "on" : "off");
  } catch {
    // Then it is so until the page is loaded again.
  }
  showSwitch();
});

function readSwitch() {
  try {
    return localStorage.getItem("usher.keys") !== "off";
  } catch {
    return true;
  }
}

function showSwitch() {
  at("keys-switch").setAttribute("aria-pressed", String(isKeysOn));
  setText(at("keys-switch"), `Keyboard keys: ${isKeysOn ? "on" : "off"}`);
}

function say(text, kind) {
  at("message").dataset.kind = kind;
  setText(at("message"), text);
}

function showReply(reply, type) {
  if (reply.outcome === "rejected") {
    const { message, next_step: nextStep } = reply.rejection;
    say(`${message} ${nextStep}`, "wrong");
  } else if (type === "mark_no_show" || type === "finish_visit") {
    const number = reply.answer?.number;
    const what = type === "finish_visit" ? "is finished" : "did not come";
    say(number ? `${spaced(number)} ${what}.` : "Done.", "done");
  } else if (type === "recall") {
    say("Called again on the hall display.", "done");
  } else {
    say("", "plain");
  }
  live.refresh();
}

function showPending(pending) {
  page.dataset.pending = pending ? pending.type : "";
  const isLate = pending !== null && (pending.isHeld || pending.tries > 1);
  at("unsent").hidden = !isLate;
  if (isLate) {
    const name = COMMANDS[pending.type]?.name ?? "Your last press";
    say(pending.isHeld
      ? `“${name}” was not answered for two minutes and is held. Send it now, or forget it.`
      : `“${name}” is not done yet: ${pending.trouble ?? "no answer"}. It is sent again by itself.`, "wrong");
  }
  showButtons();
}

// ---------------------------------------------------------------- what is shown

function showLink(link) {
  page.dataset.link = link;
  at("link").dataset.link = link;
  setText(at("link-text"), link === "live" ? "Connected" : "Connection lost");
  showNotice();
  if (link === "live") outbox.resume();
}

function showNotice() {
  let text = "";
  if (live.link === "lost" && office) {
    const since = timeOfDay(live.lastHeard, office.info.time_zone, true);
    text = `No connection to the office's server since ${since}. You see the last known state. A press is kept and sent when the connection is back.`;
  } else if (office && !office.accepting) {
    text = `The server cannot store at present${office.trouble ? `: ${office.trouble}` : ""}. Work on paper and tell your supervisor.`;
  }
  at("notice").hidden = text === "";
  setText(at("notice"), text);
}

function showState(state) {
  office = state;
  counter = state.counters.find((candidate) => candidate.id === counterId) ?? null;
  if (!counter) {
    // The server was started with another office file.
    location.reload();
    return;
  }
  page.dataset.state = counter.state;
  const words = STATES[counter.state];
  const label = at("state-label");
  label.dataset.state = counter.state;
  setText(label, words.label);
  setText(at("state-hint"), words.hint);
  showVisit(counter.visit);
  const number = counter.visit ? ` ${spaced(counter.visit.number)}, ${serviceName(counter.visit.service)}` : "";
  setText(at("announcement"), `${words.label}${number}.`);
  showNext();
  showButtons();
  showNotice();
  tick();
}

function service(id) {
  return office.info.services.find((candidate) => candidate.id === id);
}

function serviceName(id) {
  return service(id)?.name.en ?? id;
}

function showVisit(visit) {
  setText(at("number"), visit ? spaced(visit.number) : "");
  at("number").hidden = !visit;
  setText(at("service"), visit ? serviceName(visit.service) : emptyWords());
  const facts = visit ? factsOf(visit) : [];
  at("facts").replaceChildren(...facts.map(([name, value, isWarning]) => {
    const fact = element("div", isWarning ? "fact warning" : "fact");
    fact.append(element("dt", "", name), element("dd", "", value));
    return fact;
  }));
  setText(at("reason"), visit?.reason ? `Why this one: ${visit.reason}` : "");
  at("timer").hidden = !visit;
}

function emptyWords() {
  if (counter.state === "closed") {
    return counter.waiting > 0
      ? `${counter.waiting} ${plural(counter.waiting, "resident waits", "residents wait")} for what this counter serves`
      : "This counter is closed";
  }
  if (counter.state === "on_break") {
    const until = counter.break_until && timeOfDay(Date.parse(counter.break_until), office.info.time_zone);
    return until ? `On a break until ${until}` : "On a break";
  }
  if (counter.next_up.length === 0) return "Nobody is waiting";
  const next = counter.next_up[0];
  return next ? `Press N to call ${spaced(next.number)}` : "Press N to call the next resident";
}

function factsOf(visit) {
  const zone = office.info.time_zone;
  const arrived = Date.parse(visit.arrived_at);
  const waited = minutesBetween(arrived, Date.parse(visit.called_at));
  const facts = [
    ["Language", languageName(visit.language, office.info)],
    ["Arrived", `${timeOfDay(arrived, zone)}, waited ${waited < 1 ? "under 1 min" : minutesLong(waited)}`],
    ["Holds", holds(visit, live.now()), !visit.on_paper && ["not_printed", "unknown"].includes(visit.print)],
  ];
  if (visit.times_called > 1) facts.push(["Called", `${visit.times_called} times`]);
  const needs = needsOf(visit.needs);
  if (needs.length > 0) facts.push(["Needs", needs.join(", "), true]);
  if (visit.party > 1) facts.push(["Party", `${visit.party} people`]);
  if (visit.then.length > 0) {
    facts.push(["Then", visit.then.map(serviceName).join(", ")]);
  }
  if (visit.note) facts.push(["Note", visit.note]);
  if (visit.same_number_as) {
    facts.push(["Take care", "Another paper has the same number: compare the time on the paper", true]);
  }
  return facts;
}

function needsOf(needs) {
  const words = [];
  if (needs.interpreter) words.push(`interpreter for ${languageName(needs.interpreter, office.info)}`);
  if (needs.wheelchair) words.push("wheelchair");
  if (needs.quiet) words.push("a quiet place");
  if (needs.hearing) words.push("hard of hearing");
  if (needs.sight) words.push("hard of sight");
  return words;
}

function showNext() {
  setText(at("waiting-count"), String(counter.waiting));
  setText(at("waiting-word"), "waiting");
  at("next-up").replaceChildren(...counter.next_up.map((next) => {
    const item = element("li", "next-item");
    const top = element("p", "next-line");
    top.append(
      element("b", "next-number", spaced(next.number)),
      element("span", "next-wait", next.waited_minutes < 1 ? "just came" : `waited ${minutesLong(next.waited_minutes)}`),
    );
    item.append(top, element("p", "next-service", serviceName(next.service)));
    const why = next.on_paper ? `Paper form. ${next.reason}` : next.reason;
    if (why) item.append(element("p", "next-why", why));
    return item;
  }));
  at("next-empty").hidden = counter.next_up.length > 0;
}

function showButtons() {
  const pending = outbox?.pending ?? null;
  const state = counter?.state ?? page.dataset.state;
  const isClosed = state === "closed";
  openClose.dataset.command = isClosed ? "open_counter" : "close_counter";
  breakSwitch.dataset.command = state === "on_break" ? "end_break" : "take_break";
  for (const button of buttons) {
    const type = button.dataset.command;
    const isSending = pending?.type === type;
    const isAllowed = STATES[state].allowed.includes(type);
    // Still in reach of the keyboard: a press says why it is not possible.
    button.setAttribute("aria-disabled", String(!isAllowed || (pending !== null && !isSending)));
    button.setAttribute("aria-busy", String(isSending));
    button.dataset.usual = String(isAllowed && STATES[state].usual === type);
    const isWaiting = isSending && pending.tries > 1;
    setText(button.querySelector(".key-word"),
      isWaiting ? "Not sent yet" : isSending ? "Sending…" : COMMANDS[type].name);
  }
}

// ---------------------------------------------------------------- time

function tick() {
  if (!office) return;
  const now = live.now();
  const clock = at("clock");
  setText(clock, timeOfDay(now, office.info.time_zone));
  clock.dateTime = new Date(now).toISOString();
  const visit = counter?.visit;
  if (!visit) return;
  const isServing = counter.state === "serving" && visit.started_at;
  const since = Date.parse(isServing ? visit.started_at : visit.called_at);
  setText(at("timer-label"), isServing ? "In service" : "Called");
  setText(at("timer-text"), stopwatch(now - since) + (isServing ? "" : " ago"));
  const bar = at("timer-bar");
  bar.hidden = !isServing;
  const usual = service(visit.service)?.usual_minutes;
  const over = usual ? Math.floor((now - since) / 60000) - usual : 0;
  const overWords = over > 0 ? `, ${minutesLong(over)} over` : "";
  setText(at("timer-usual"), isServing && usual ? `usually ${usual} min${overWords}` : "");
  if (isServing && usual) {
    const share = (now - since) / (usual * 60000);
    bar.value = Math.min(1, share);
    bar.dataset.over = String(share > 1);
  }
}

setInterval(tick, 1000);
showSwitch();
showButtons();
