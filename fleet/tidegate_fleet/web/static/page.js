// Live updates: when something happened, the page is asked for anew and what differs is taken over in place.
// Without this script the page says the same, at the moment it was loaded.

const PAUSE_MS = 2000; // between two updates: a rollout of thousands shall not keep a phone busy
const SPEAK_MS = 20000; // between two announcements to a screen reader
const POLL_MS = 15000; // between two tries where no stream can be had
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** The server's moment of the page, and ours when it came: nobody's phone has to have the right time. */
let asOf = 0;
let cameAt = 0;

function dress(root) {
  const stamp = root.querySelector("[data-now] time");
  if (stamp && stamp.dateTime !== dress.last) {
    dress.last = stamp.dateTime;
    asOf = new Date(stamp.dateTime).getTime();
    cameAt = performance.now();
  }
  const now = asOf + performance.now() - cameAt;
  for (const time of root.querySelectorAll("time[data-ago]")) {
    const seconds = (new Date(time.dateTime).getTime() - now) / 1000;
    const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? UNITS.at(-1);
    time.title = time.dateTime;
    time.textContent = Math.abs(seconds) < 10 ? "just now" : relative.format(Math.round(seconds / size), unit);
  }
}

/** Makes `old` like `fresh`, and touches nothing that is the same: focus, selection and scrolling stay. */
function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.matches("form.filter")) return; // somebody may be writing in it
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name); // details that somebody opened
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, place) => (place < before.length ? morph(before[place], node) : old.append(node)));
  before.slice(after.length).forEach((node) => node.remove());
}

class Live {
  #due = false;
  #running = false;
  #spoken = 0;
  #pulse = document.querySelector("[data-pulse]");

  constructor(address) {
    this.address = address;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#stop() : this.#start()));
    addEventListener("pagehide", () => this.#stop());
    addEventListener("pageshow", () => this.#start());
    this.#start();
  }

  #start() {
    if (this.source || document.hidden) return;
    if (this.missed) this.ask();
    this.source = new EventSource(this.address);
    this.source.onopen = () => this.#show(true);
    this.source.onerror = () => {
      this.#show(false);
      if (this.source?.readyState === EventSource.CLOSED) this.#later();
    };
    for (const name of ["event", "counts", "fleet", "gap"]) this.source.addEventListener(name, () => this.ask());
  }

  #stop() {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = undefined;
    this.missed = true;
    this.#show(false);
  }

  #later() {
    this.#stop();
    this.retry = setTimeout(() => this.#start(), POLL_MS);
  }

  #show(on) {
    this.on = on;
    if (!this.#pulse) return;
    this.#pulse.hidden = false;
    this.#pulse.classList.toggle("on", on);
    this.#pulse.textContent = on ? "Live" : "Paused";
  }

  async ask() {
    this.#due = true;
    if (this.#running) return;
    this.#running = true;
    while (this.#due) {
      this.#due = false;
      await this.#update();
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
    this.#running = false;
  }

  async #update() {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      dress(fresh);
      morph(document.querySelector("main"), fresh.querySelector("main"));
      morph(document.querySelector("footer p"), fresh.querySelector("footer p"));
      this.missed = false;
      this.#speak();
    } catch {
      this.#show(false);
    }
  }

  #speak() {
    const words = document.querySelector("[data-say]")?.textContent;
    const place = document.querySelector("[data-announce]");
    if (!words || Date.now() - this.#spoken < SPEAK_MS || words === place.textContent) return;
    this.#spoken = Date.now();
    place.textContent = words;
  }
}

dress(document);
setInterval(() => dress(document), 30000);
if (document.body.dataset.live) new Live(document.body.dataset.live);
