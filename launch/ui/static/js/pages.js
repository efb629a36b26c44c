// The pages that are lists and tables: runs, swarm, dead letters, new build.
import { get, post } from "./api.js";
import { chip, confirmed, div, empty, h, many, pips, seconds, span, toast, when } from "./dom.js";
import { tree } from "./tree.js";

export class RunsPage {
  constructor() {
    this.list = h("ul", { className: "runs" });
    this.note = h("p", {});
    this.element = div("page", h("header", { className: "page-head" }, h("h1", {}, "Runs"), this.note), this.list);
  }

  update({ runs }) {
    if (!runs) return;
    this.note.textContent = runs.length ? many(runs.length, "run") : "";
    if (!runs.length) { this.list.replaceChildren(h("li", {}, empty("No runs yet", h("a", { href: "#/new" }, "Start a build"), "or run guildbus build SPEC in a terminal."))); return; }
    const focused = document.activeElement && document.activeElement.getAttribute("href");
    this.list.replaceChildren(...runs.map((run) => h("li", {}, h("a", { href: `#/runs/${run.run}` }, span("name", run.run), span("", chip(run)), pips(run.score, run.judged),
      span("figure opt", many(run.rounds, "round")), span("figure opt", many(run.tokens, "token")), span("figure opt", seconds(run.last_at - run.started_at)), span("when", when(run.started_at))))));
    if (focused) this.list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }

  key(event) {
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (!by) return false;
    const links = [...this.list.querySelectorAll("a")];
    const index = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, index + by))]?.focus();
    return true;
  }
}

export class SwarmPage {
  constructor() { this.element = div("page"); }

  update({ swarm, runs }) {
    if (!swarm) return;
    const { broker } = swarm;
    if (!broker) { this.element.replaceChildren(h("h1", {}, "Swarm"), div("card", empty("No swarm is up", "guildbus up starts one; a build brings its own."))); return; }
    const speed = runs && runs.find((run) => run.status === "running");
    const figures = [["broker", broker.answers ? "answers" : "silent"], ["up", seconds(broker.up_s)], ["process", String(broker.pid)], ["started by", broker.owner], ["journal", broker.journal.state || "–"],
      ["tokens/s", speed && speed.tokens_s !== null ? String(speed.tokens_s) : "–"], ["refused", String(Object.values(broker.refused).reduce((a, b) => a + b, 0))]];
    const trouble = broker.journal.state === "read-only" ? h("p", { className: "problem" }, `The journal is read-only: ${broker.journal.reason}`) : null;
    this.element.replaceChildren(h("h1", {}, "Swarm"), trouble || "", h("dl", { className: "figures card" }, figures.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, value)))),
      h("section", { className: "card scroll-x" }, h("h2", {}, "Agents"), agents(swarm.agents)), h("section", { className: "card scroll-x" }, h("h2", {}, "Queues"), queues(swarm.queues)), models(swarm.model));
  }
}

function agents(some) {
  const rows = some.map((one) => h("tr", {}, h("td", {}, h("span", { className: `dot ${one.health}`, title: one.health }), one.name), h("td", { className: one.leases.length ? "" : "muted" }, one.state), h("td", {}, one.leases.length ? one.leases.map((lease) => h("div", {}, h("a", { href: `#/runs/${lease.run}` }, lease.type), span("faint", `  attempt ${lease.attempt}`))) : span("faint", "–")),
    h("td", { className: "num" }, String(one.credits)), h("td", { className: "num" }, one.silent_s === null ? "–" : seconds(one.silent_s)), h("td", { className: "num" }, String(one.restarts)), h("td", { className: "num faint" }, one.pid ? String(one.pid) : "–")));
  return h("table", { className: "agents" }, h("thead", {}, h("tr", {}, ["agent", "does", "leases"].map((name) => h("th", {}, name)), ["credits", "silent", "restarts", "process"].map((name) => h("th", { className: "num" }, name)))), h("tbody", {}, rows));
}

function queues(some) {
  const most = Math.max(1, ...some.map((one) => one.ready + one.leased));
  const rows = some.map((one) => h("tr", {}, h("td", {}, one.role), h("td", { style: { width: "40%" } }, h("div", { className: "gauge" }, h("i", { className: "leased", style: { width: `${(100 * one.leased) / most}%` } }), h("i", { style: { width: `${(100 * one.ready) / most}%` } }))), h("td", { className: "num" }, String(one.ready)), h("td", { className: "num" }, String(one.leased)), h("td", { className: `num ${one.dead ? "bad" : ""}` }, one.dead ? h("a", { href: "#/dead" }, String(one.dead)) : "0")));
  return h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "queue"), h("th", {}, ""), ["ready", "leased", "dead"].map((name) => h("th", { className: "num" }, name)))), h("tbody", {}, rows));
}

function models(some) {
  const entries = Object.entries(some);
  if (!entries.length) return "";
  return h("section", { className: "card scroll-x" }, h("h2", {}, "Models"), h("table", {}, h("tbody", {}, entries.map(([name, one]) => h("tr", {}, h("td", {}, name), h("td", { className: "mono" }, one.url), h("td", { className: "num faint" }, one.pid ? `process ${one.pid}` : "not ours"))))));
}

export class DeadPage {
  constructor(onChange) { this.onChange = onChange; this.element = div("page", h("h1", {}, "Dead letters")); this.load(); }

  update() {}

  async load() {
    let told;
    try { told = await get("dead"); } catch (failure) { told = { letters: [], damaged: [failure.message] }; }
    const cards = told.letters.map((one) => this._card(one));
    this.element.replaceChildren(h("header", { className: "page-head" }, h("h1", {}, "Dead letters"), h("p", {}, "Messages that nobody could handle. Requeue one when its cause is mended: its run goes on.")),
      ...(cards.length ? cards : [div("card", empty("No dead letters", "Every message was handled, or is being handled."))]), ...told.damaged.map((text) => h("p", { className: "problem" }, `not listed: ${text}`)));
  }

  _card(one) {
    const acts = one.fate === "dead" ? div("acts", h("button", { className: "main", onclick: (event) => this._act(event.target, one, "requeue") }, "Requeue"), h("button", { onclick: (event) => this._act(event.target, one, "drop") }, "Drop")) : null;
    const fate = { dead: ["bad", "dead"], requeued: ["good", "requeued"], dropped: ["", "dropped"] }[one.fate];
    return h("article", { className: "card letter", "data-letter": one.id }, h("header", {}, h("h2", {}, one.type), span(`chip ${fate[0]}`, fate[1]), span("muted", `to ${one.queue}`), h("a", { href: `#/runs/${one.run}` }, one.run), one.died_at ? span("faint", when(one.died_at)) : null),
      h("ol", { className: "attempts" }, one.failures.map((each) => h("li", { className: "bad" }, `attempt ${each.attempt}${each.agent ? ` by ${each.agent}` : ""}: `, h("code", {}, each.code), h("div", { className: "muted" }, each.reason)))),
      one.dropped ? h("p", { className: "muted" }, `dropped by ${one.dropped.by}${one.dropped.reason ? `: ${one.dropped.reason}` : ""}`) : null, acts, h("details", {}, h("summary", { className: "muted" }, "Body"), tree(one.body)));
  }

  async _act(button, one, act) {
    if (act === "drop" && !(await confirmed("Let it rest?", "The run stays as it is, and the letter is listed as dropped.", "Drop it"))) return;
    button.disabled = true;
    try { await post(`dead/${one.id}/${act}`, {}); toast(act === "requeue" ? "sent once more" : "dropped"); this.onChange(); await this.load(); } catch (failure) { button.disabled = false; toast(`${failure.message} ${failure.remedy || ""}`); }
  }
}

export class NewPage {
  constructor() {
    this.spec = h("textarea", { spellcheck: false, required: true, "aria-label": "Spec" });
    this.choice = h("select", { onchange: () => this._choose() });
    this.numbers = Object.fromEntries([["candidates", 1, 16], ["max_rounds", 1, 50], ["seed", 0, 2147483647]].map(([name, min, max]) => [name, h("input", { type: "number", min, max, name })]));
    this.out = h("input", { placeholder: "out/<name>", name: "out" });
    this.problem = h("div", {});
    this.started = div("stack");
    const label = (text, field) => h("label", {}, text, field);
    const form = h("form", { className: "form card", onsubmit: (event) => { event.preventDefault(); this._start(); } }, label("Spec to begin with", this.choice), label("Spec (YAML)", this.spec),
      div("fields", label("candidates", this.numbers.candidates), label("most rounds", this.numbers.max_rounds), label("seed", this.numbers.seed), label("output folder", this.out)), this.problem, h("div", {}, h("button", { className: "main" }, "Start the build")));
    this.element = div("page", h("header", { className: "page-head" }, h("h1", {}, "New build")), this.started, form);
    this._load();
    this.timer = setInterval(() => this._watch(), 1000);
    this._watch();
  }

  destroy() { clearInterval(this.timer); }

  update() {}

  async _load() {
    const { specs, options } = await get("specs");
    this.specs = specs;
    this.choice.replaceChildren(...specs.map((one, index) => h("option", { value: String(index) }, one.path)), h("option", { value: "" }, "an empty one"));
    for (const [name, value] of Object.entries(options)) this.numbers[name].value = value;
    this._choose();
  }

  _choose() {
    const chosen = this.choice.value === "" ? null : this.specs[Number(this.choice.value)];
    this.spec.value = chosen ? chosen.text : "name: example\nlanguage: go\ngo_module: example.com/example\ndescription: What the package is for.\nfiles:\n  - path: example.go\n    purpose: package example. Double(n int) int returns 2n. Double(3)=6.\n  - path: example_test.go\n    purpose: package example. A table-driven test, TestDouble.\n";
  }

  async _start() {
    this.problem.replaceChildren();
    const body = { spec: this.spec.value, out: this.out.value };
    for (const [name, field] of Object.entries(this.numbers)) if (field.value) body[name] = Number(field.value);
    try { this.awaited = (await post("builds", body)).out; this._watch(); } catch (failure) { this.problem.replaceChildren(h("div", { className: "problem", role: "alert" }, failure.message, failure.remedy ? `\n${failure.remedy}` : "")); }
  }

  async _watch() {
    let builds;
    try { builds = await get("builds"); } catch { return; }
    const mine = builds.find((one) => one.out && one.out === this.awaited && one.run);
    if (mine) { this.awaited = null; location.hash = `#/runs/${mine.run}`; return; }
    const open = builds.filter((one) => !one.ended || one.failed);
    this.started.replaceChildren(...open.map((one) => h("div", { className: one.failed ? "problem" : "card" }, h("strong", {}, one.name), " ", one.run ? h("a", { href: `#/runs/${one.run}` }, one.run) : "", h("div", { className: "muted" }, one.says))));
  }
}
