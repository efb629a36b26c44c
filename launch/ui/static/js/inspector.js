// One message opened: who, when, why, what it says, what its model calls were given.
import { get } from "./api.js";
import { clock, h, many, seconds, span } from "./dom.js";
import { family } from "./model.js";
import { tree } from "./tree.js";

export class Inspector {
  constructor(run, model, { onSelect, onClose }) {
    this.run = run;
    this.model = model;
    this.onSelect = onSelect;
    this.onClose = onClose;
    this.asked = 0;
    this.element = h("aside", { className: "inspector", hidden: true, "aria-label": "Message" });
  }

  async show(seq) {
    this.element.hidden = false;
    const asked = ++this.asked;
    const row = this.model.bySeq(seq);
    let told;
    try { told = await get(`runs/${this.run}/messages/${seq}`); } catch (failure) { told = { failure }; }
    if (asked !== this.asked || this.element.hidden) return;
    this.element.replaceChildren(this._head(row), ...(told.failure ? [section("Not shown", h("p", { className: "bad" }, told.failure.message))] : this._parts(row, told)));
    this.element.scrollTop = 0;
  }

  hide() { this.asked += 1; this.element.hidden = true; this.element.replaceChildren(); }

  _head(row) {
    return h("header", {}, h("h2", {}, span(`kind ${family(row)}`, row.type), span("faint", `  #${row.seq}`)),
      h("button", { className: "quiet", "aria-label": "Close the message", title: "Close (Esc)", onclick: this.onClose }, "✕"),
      h("p", {}, `${row.from} → ${row.to || "all"}${row.says ? `: ${row.says}` : ""}`));
  }

  _parts(row, told) {
    const parts = [section("Its way", this._way(row, told)), section("Cause and effect", this._links(row))];
    if (told.calls.length) parts.push(section(`Context manifest: ${many(told.calls.length, "model call")}`, told.calls.map(callBox)));
    const body = told.unreadable ? [h("p", { className: "bad" }, told.unreadable), tree(told.body)] : tree(told.body);
    parts.push(section("Body", body));
    parts.push(section("", h("details", {}, h("summary", { className: "muted" }, "Envelope"), tree(told.envelope))));
    return parts;
  }

  _way(row, told) {
    const facts = [["published", `${clock(row.at)}, ${seconds(row.at - this.model.start)} into the run`], ["size", many(row.bytes, "byte")]];
    if (!row.to) facts.push(["taker", "nobody: an announcement"]);
    else if (!told.life.length) facts.push(["waiting", `for ${row.to}`]);
    told.life.forEach(([agent, attempt, began, ended, event, code, reason], index) => {
      const name = told.life.length > 1 ? `attempt ${attempt}` : "handled";
      const waited = index === 0 ? `waited ${seconds(Math.max(0, began - row.at))}, ` : "";
      const end = ended === null ? "in hand now" : `${event} after ${seconds(ended - began)}`;
      facts.push([name, [`${waited}${agent || "nobody had it"}, ${end}`, code && h("div", { className: "bad" }, `${code}: ${reason}`)]]);
    });
    return h("dl", { className: "facts" }, facts.map(([key, value]) => [h("dt", {}, key), h("dd", {}, value)]));
  }

  _links(row) {
    const cause = this.model.causeOf(row);
    const effects = this.model.effectsOf(row);
    const link = (one, lead) => h("li", {}, h("button", { onclick: () => this.onSelect(one.seq) }, `${lead} #${one.seq} ${one.type}`), span("muted", `  ${one.says}`));
    const shown = [cause ? link(cause, "caused by") : h("li", { className: "muted" }, row.cause ? "its cause is not in this run" : "nothing caused it: it opened the run"),
      ...effects.slice(0, 20).map((one) => link(one, "led to"))];
    if (effects.length > 20) shown.push(h("li", { className: "muted" }, `and ${effects.length - 20} more`));
    return h("ul", { className: "links" }, shown);
  }
}

const section = (title, ...content) => h("section", {}, title ? h("h3", {}, title) : null, ...content);

export function callBox(call) {
  const speed = call.tokens_s === null ? "" : `${call.tokens_s} tokens/s`;
  return h("div", { className: "call" }, h("div", { className: "call-head" }, h("strong", {}, `${call.file}, candidate ${call.candidate}`),
    span("muted", `${call.prompt_tokens} + ${call.tokens} tokens`), span("muted", call.cached ? "from the store" : seconds(call.wall_s)),
    speed && span("muted", speed), span("faint", `temperature ${call.temperature}, seed ${call.seed}, ${call.finish}`)), manifest(call.manifest));
}

export function manifest(parts) {
  return h("div", { className: "scroll-x" }, h("table", { className: "manifest" }, h("thead", {}, h("tr", {}, h("th", {}, "part"), h("th", {}, "name"), h("th", { className: "num" }, "characters"), h("th", {}, "SHA-256"))),
    h("tbody", {}, parts.map((part) => h("tr", {}, h("td", {}, part.kind), h("td", {}, part.name), h("td", { className: "num" }, part.size_chars.toLocaleString("en")), h("td", { className: "mono faint", title: part.sha256 }, part.sha256.slice(0, 10)))))));
}
