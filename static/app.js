// What htmx does not do by itself. Every page works without this file; nothing here is needed to act.
"use strict";
(() => {
  const THIN = "\u202f";
  const body = document.body;
  // Ages are counted on the server's clock, since a phone's may be wrong.
  const ahead = Date.parse(body.dataset.now) - Date.now();
  const serverNow = () => Date.now() + ahead;

  // The server writes times in this zone for whoever chose none in their account.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = "zone=" + zone + "; path=/; max-age=31536000; samesite=lax" + (location.protocol === "https:" ? "; secure" : "");

  // --- Times that tick: the same words as dashboard/wording.py ---------------------------------------------------

  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

  function age(seconds) {
    const [length, unit] = UNITS.find(([length]) => seconds >= length) || UNITS[3];
    return Math.max(0, Math.floor(seconds / length)) + THIN + unit;
  }

  function elapsed(seconds) {
    seconds = Math.max(0, Math.round(seconds));
    if (seconds < 60) return seconds + THIN + "s";
    if (seconds < 3600) return twoUnits(Math.floor(seconds / 60), "min", String(seconds % 60).padStart(2, "0"), "s");
    const minutes = Math.round(seconds / 60);
    if (minutes < 1440) return twoUnits(Math.floor(minutes / 60), "h", minutes % 60, "min");
    const hours = Math.round(seconds / 3600);
    return twoUnits(Math.floor(hours / 24), "d", hours % 24, "h");
  }

  function twoUnits(first, firstUnit, second, secondUnit) {
    return first + THIN + firstUnit + (Number(second) ? " " + second + THIN + secondUnit : "");
  }

  function clock(milliseconds) {
    const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: body.dataset.zone };
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZoneName: "short" }).format(milliseconds);
  }

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function tick() {
    const seconds = (element) => (serverNow() - Date.parse(element.closest("time").dateTime)) / 1000;
    for (const element of document.querySelectorAll("[data-ago]")) {
      const passed = seconds(element);
      write(element, passed <= -1 ? "in " + age(-passed) : age(passed) + " ago");
    }
    for (const element of document.querySelectorAll("[data-age]")) write(element, age(seconds(element)));
    for (const element of document.querySelectorAll("[data-elapsed]")) write(element, elapsed(seconds(element)));
  }

  // --- Connection: say how old the page is instead of looking alive ----------------------------------------------

  const notice = document.getElementById("notice");
  let lastGood = serverNow();

  function say(text, address, label) {
    if (notice.dataset.said === text) return;
    notice.dataset.said = text;
    notice.textContent = text;
    if (address) {
      const link = document.createElement("a");
      link.href = address;
      link.textContent = label;
      notice.append(" ", link);
    }
    notice.hidden = !text;
  }

  function trouble(event) {
    const status = event.detail.xhr ? event.detail.xhr.status : 0;
    const from = "Showing data from " + clock(lastGood);
    if (status === 401 || status === 403) say(from + ". You are signed out, or may no longer see this.", location.href, "Load the page again");
    else if (status === 404) say(from + ". This is no longer there.", location.href, "Load the page again");
    else say("Connection problem. " + from + ", trying again.");
  }

  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) body.addEventListener(name, trouble);

  body.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    lastGood = serverNow();
    say("");
    for (const element of document.querySelectorAll("[data-from]")) {
      element.dateTime = new Date(lastGood).toISOString();
      write(element, clock(lastGood));
    }
  });

  // --- A swap: keep what the reader has open and in which order, tint what changed, move focus to an outcome -----

  let before = null;
  let changes = 0;

  body.addEventListener("htmx:beforeSwap", () => {
    const known = (selector, value) =>
      new Map(Array.from(document.querySelectorAll(selector), (element) => [element.id, value(element)]));
    before = {
      states: known("[id][data-state]", (element) => element.dataset.state),
      folds: known("details[id]", (element) => element.open),
      order: known("[id][data-keep-order]", (element) => Array.from(element.children, (row) => row.id)),
      focusable: known("[id][data-focus]", () => true),
      swapped: false,
    };
  });

  function found(known, use) {
    known.forEach((value, id) => {
      const element = document.getElementById(id);
      if (element) use(element, value);
    });
  }

  function keepOrder(list, order) {
    const rows = Array.from(list.children);
    const place = (row) => (order.includes(row.id) ? order.indexOf(row.id) : order.length);
    const wanted = rows.slice().sort((a, b) => place(a) - place(b));
    const moved = wanted.some((row, n) => row !== rows[n]);
    const line = document.getElementById(list.dataset.keepOrder);
    if (line) line.hidden = !moved;
    if (!moved) {
      changes = 0;
      return;
    }
    const focused = document.activeElement;
    list.append(...wanted);
    focused.focus();
    const words = changes ? changes + (changes === 1 ? " change" : " changes") : "The order has changed";
    if (line) line.querySelector("[data-moved]").textContent = words;
  }

  // Both events come once per new element; the first one sees the whole swap.
  body.addEventListener("htmx:afterSwap", () => {
    if (!before || before.swapped) return;
    before.swapped = true;
    tick();
    reveal();
    found(before.folds, (fold, open) => { fold.open = open; });
    found(before.states, (cell, state) => { if (cell.dataset.state !== state) changes += 1; });
    found(before.order, keepOrder);
    const typing = document.activeElement.matches("input, textarea, select");
    const heading = Array.from(document.querySelectorAll("[id][data-focus]")).find((element) => !before.focusable.has(element.id));
    if (heading && !typing) heading.focus();
  });

  body.addEventListener("htmx:afterSettle", () => {
    // Not earlier: settling sets each element's class once more.
    if (!before) return;
    found(before.states, (cell, state) => cell.classList.toggle("changed", cell.dataset.state !== state));
    before = null;
  });

  // --- Copying ----------------------------------------------------------------------------------------------------

  function reveal() {
    for (const button of document.querySelectorAll(".copy[hidden]")) button.hidden = "share" in button.dataset && !navigator.share;
  }

  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Over plain HTTP there is no clipboard interface.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("not copied");
  }

  body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button || button.dataset.caption) return;
    const caption = Array.from(button.childNodes);
    const answer = (text) => {
      button.dataset.caption = "kept";
      button.replaceChildren(text);
      document.getElementById("announcer").textContent = text + ": " + button.dataset.what;
      setTimeout(() => {
        button.replaceChildren(...caption);
        delete button.dataset.caption;
      }, 2000);
    };
    copy(button.dataset.copy).then(() => answer("Copied"), () => answer("Not copied"));
  });

  body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-share]");
    if (!button) return;
    const text = button.dataset.title + ":\n" + button.dataset.share + "\n" + location.href;
    navigator.share({ title: button.dataset.title, text }).catch(() => {}); // closed without sending: nothing to say
  });

  // --- Small things -----------------------------------------------------------------------------------------------

  body.addEventListener("click", (event) => {
    if (event.target.closest("[data-sort-again]")) location.reload();
    const menu = document.getElementById("menu");
    if (menu && event.target.closest('a[href="#menu"]')) menu.open = true;
    else if (menu && menu.open && !menu.contains(event.target)) menu.open = false;
  });
  body.addEventListener("keydown", (event) => {
    const menu = document.getElementById("menu");
    if (event.key !== "Escape" || !menu || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  const mistakes = document.getElementById("problems");
  if (mistakes) mistakes.focus();
  reveal();
  tick();
  setInterval(tick, 1000);
})();
