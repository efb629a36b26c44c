// The page of one run: its head, its tabs, and the feed that fills them.
import { get, listen, post } from "./api.js";
import { callsView } from "./calls.js";
import { chip, confirmed, div, h, many, pips, seconds, toast } from "./dom.js";
import { FilesView } from "./files.js";
import { MessagesPanel } from "./messages.js";
import { RunModel } from "./model.js";
import { oracleView } from "./oracle.js";

const TABS = [["messages", "Messages"], ["files", "Files"], ["calls", "Model calls"], ["oracle", "Oracle"]];
const WIDTHS = { time: "8ch", tokens: "6ch", "tokens/s": "4ch", calls: "2ch", round: "2ch" };
const CHANGES = { files: /^(draft\.(accepted|rejected)|verification)/, calls: /\.proposed$/, oracle: /^(reference|witnesses|oracle|verification)/ };

export class RunPage {
  constructor(run, tab, onLink) {
    this.run = run;
    this.model = new RunModel();
    this.messages = new MessagesPanel(run, this.model);
    this.files = new FilesView();
    this.status = div("status");
    this.vitals = h("dl", { className: "vitals" });
    this.acts = div("acts");
    this.head = h("header", { className: "run-head" }, h("h1", {}, run), this.status, this.vitals, this.acts);
    this.tabs = TABS.map(([name, label], index) => h("button", { role: "tab", id: `tab-${name}`, title: `${label} (${index + 1})`, onclick: () => { location.hash = `#/runs/${run}${index ? `/${name}` : ""}`; } }, label));
    this.body = div("panel");
    this.element = div("run", this.head, h("div", { className: "tabs", role: "tablist" }, this.tabs), this.body);
    this.shown = "";
    this.show(tab);
    this.stop = listen(`runs/${run}/feed`, {
      head: (told) => { this.model.head(told); this.messages.update(); this.messages.element.classList.remove("waiting"); },
      page: (told) => this._page(told),
      vitals: (told) => { this.model.vitals = told; this._head(); this.messages.later(); },
      "caught-up": ({ messages }) => { this.element.dataset.caughtUp = messages; this._caughtUp(messages); },
    }, onLink);
    this.timer = setInterval(() => this._tick(), 1000);
  }

  destroy() { this.stop(); clearInterval(this.timer); clearTimeout(this.fetching); this.messages.destroy(); }

  show(tab) {
    const name = TABS.some(([one]) => one === tab) ? tab : "messages";
    if (name === this.shown) return;
    this.shown = name;
    this.tabs.forEach((button, index) => button.setAttribute("aria-selected", TABS[index][0] === name));
    const fresh = name === "messages" ? this.messages.element : h("div", { className: "panel", role: "tabpanel" });
    this.body.replaceWith(fresh);
    this.body = fresh;
    if (name === "messages") this.messages.update(); else this._fetch();
  }

  key(event) {
    const number = Number(event.key);
    if (number >= 1 && number <= TABS.length) { this.tabs[number - 1].click(); return true; }
    return this.shown === "messages" && this.messages.key(event);
  }

  // A run that has ended is shown from its start, one that goes on at its newest message.
  _caughtUp(messages) {
    if (!messages) this._head();
    if (this.model.vitals && !this.model.vitals.ended && this.messages.selected === null) this.messages.followNewest(true);
  }

  _page(told) {
    this.model.page(told);
    this.messages.later();
    const changes = CHANGES[this.shown];
    if (changes && told.rows.some((row) => changes.test(row.type))) {
      clearTimeout(this.fetching);
      this.fetching = setTimeout(() => this._fetch(), 250);
    }
  }

  async _fetch() {
    const name = this.shown;
    let told;
    try { told = await get(`runs/${this.run}/${name}`); } catch (failure) { toast(failure.message); return; }
    if (this.shown !== name) return;
    const at = this.body.scrollTop;
    const view = name === "files" ? this.files.show(told) : name === "calls" ? callsView(told, this.model) : oracleView(told);
    this.body.replaceChildren(view);
    this.body.scrollTop = at;
  }

  _tick() { if (this.model.vitals && this.model.vitals.status === "running") this._figures(); }

  _head() {
    const { vitals } = this.model;
    if (!vitals || !vitals.run) { this.status.replaceChildren(chip({ status: "no such run", ended: true })); return; }
    this.status.replaceChildren(chip(vitals));
    if (vitals.diagnosis) this.status.title = vitals.diagnosis;
    const act = vitals.ended ? null : vitals.status === "running"
      ? h("button", { className: "danger", onclick: (event) => this._cancel(event.target) }, "Cancel")
      : h("span", {}, h("button", { onclick: () => this._resume() }, "Resume"), " ", h("button", { className: "danger", onclick: (event) => this._cancel(event.target) }, "Cancel"));
    this.acts.replaceChildren(...(act ? [act] : []));
    this._figures();
  }

  _figures() {
    const { vitals } = this.model;
    const until = vitals.status === "running" ? Date.now() / 1000 : vitals.last_at;
    const facts = [["score", pips(vitals.score, vitals.judged)], ["round", String(vitals.rounds)], ["time", seconds(Math.max(0, until - vitals.started_at))],
      ["tokens", vitals.tokens.toLocaleString("en")], ["tokens/s", vitals.tokens_s === null ? "–" : String(vitals.tokens_s)], ["calls", String(vitals.calls)]];
    if (vitals.teeth) facts.push(["teeth", vitals.teeth.score.toFixed(2)]);
    if (vitals.died) facts.push(["died", many(vitals.died, "message")]);
    this.vitals.replaceChildren(...facts.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", { style: { "--wide": WIDTHS[key] || "auto" } }, value))));
  }

  async _cancel(button) {
    if (!(await confirmed(`Cancel ${this.run}?`, "Its model requests and processes end now. The best tree so far is kept.", "Cancel the run"))) return;
    button.disabled = true;
    try { const { status } = await post(`runs/${this.run}/cancel`); toast(`${this.run}: ${status}`); } catch (failure) { button.disabled = false; toast(failure.message); }
  }

  async _resume() {
    try { await post(`runs/${this.run}/resume`); toast(`resuming ${this.run}`); } catch (failure) { toast(failure.message); }
  }
}
