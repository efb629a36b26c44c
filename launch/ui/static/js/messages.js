// The first tab of a run: swimlane, filter, list and inspector, which all show the same selected message.
import { div, h, many } from "./dom.js";
import { Inspector } from "./inspector.js";
import { Lanes } from "./lanes.js";
import { MessageList } from "./list.js";
import { matcher } from "./model.js";

export class MessagesPanel {
  constructor(run, model) {
    this.model = model;
    this.selected = null;
    this.opened = false;
    const select = (seq) => this.select(seq, true);
    this.lanes = new Lanes(model, select);
    this.list = new MessageList(model, select);
    this.inspector = new Inspector(run, model, { onSelect: select, onClose: () => this.close() });
    this.filter = h("input", { type: "search", placeholder: "Filter: go-dev draft numkit.go", "aria-label": "Filter messages", oninput: () => this.update() });
    this.even = h("button", { className: "quiet wide", title: "Time to scale, or in even steps (e)", "aria-pressed": "false", onclick: () => this.toggleScale() }, "To scale");
    this.follow = h("button", { className: "quiet", "aria-pressed": "false", title: "Follow the newest (f)", onclick: () => this.toggleFollow() }, "Follow");
    this.count = div("count");
    const zoom = (label, title, factor) => h("button", { className: "quiet wide", title, "aria-label": title, onclick: () => this.lanes.zoomBy(factor) }, label);
    this.tools = div("tools", this.filter, this.even, zoom("−", "Narrow (-)", 0.8), zoom("+", "Widen (+)", 1.25), zoom("Fit", "Fit (0)", 0), this.follow, this.count);
    this.split = div("split", this.list.element, this.inspector.element);
    this.element = div("panel messages waiting", this.lanes.element, this.tools, this.split);
    this.timer = setInterval(() => { if (model.vitals && model.vitals.status === "running") this.lanes.update(); }, 1000);
    this.dirty = false;
    this.rest = 0;
  }

  destroy() { clearInterval(this.timer); this.lanes.close(); this.list.close(); }

  // At most once a frame, and at most a fifth of the time, however fast messages come.
  later() {
    if (this.dirty) return;
    this.dirty = true;
    setTimeout(() => requestAnimationFrame(() => {
      this.dirty = false;
      if (!this.element.isConnected) return;
      const began = performance.now();
      this.update();
      this.rest = Math.min(1000, 4 * (performance.now() - began));
    }), this.rest);
  }

  update() {
    const matches = matcher(this.filter.value);
    const found = matches ? new Set(this.model.rows.filter(matches).map((row) => row.seq)) : null;
    this.lanes.matches = found;
    this.lanes.update();
    this.list.update(found);
    const all = many(this.model.rows.length, "message");
    const unread = this.model.unread ? `, ${this.model.unread} unreadable` : "";
    this.count.textContent = (found ? `${found.size.toLocaleString("en")} of ${all}` : all) + unread;
    this.follow.setAttribute("aria-pressed", this.list.following);
  }

  select(seq, open) {
    if (seq === null) return;
    this.selected = this.list.selected = this.lanes.selected = seq;
    this.list.following = false;
    if (open || this.opened) {
      this.opened = true;
      this.split.classList.add("open");
      this.inspector.show(seq);
    }
    this.list.show(seq);
    this.list.draw();
    this.lanes.show(seq);
    this.lanes.draw();
    this.follow.setAttribute("aria-pressed", "false");
  }

  close() {
    if (!this.opened) return;
    this.opened = false;
    this.split.classList.remove("open");
    this.inspector.hide();
    this.list.element.focus({ preventScroll: true });
  }

  toggleScale() {
    this.lanes.even = !this.lanes.even;
    this.even.setAttribute("aria-pressed", !this.lanes.even);
    this.lanes.update();
    if (this.selected !== null) this.lanes.show(this.selected);
  }

  toggleFollow() { this.followNewest(!this.list.following); }

  followNewest(wanted) {
    this.list.following = this.lanes.following = wanted;
    this.update();
  }

  key(event) {
    const jump = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9 }[event.key];
    if (jump !== undefined) this.select(this.list.step(jump), false);
    else if (event.key === "Enter" && event.target.tagName !== "BUTTON" && this.selected !== null) this.select(this.selected, true);
    else if (event.key === "Escape") this.close();
    else if (event.key === "c" && this.selected !== null) { const cause = this.model.causeOf(this.model.bySeq(this.selected)); if (cause) this.select(cause.seq, false); }
    else if (event.key === "/") this.filter.focus();
    else if (event.key === "+" || event.key === "=") this.lanes.zoomBy(1.25);
    else if (event.key === "-") this.lanes.zoomBy(0.8);
    else if (event.key === "0") this.lanes.zoomBy(0);
    else if (event.key === "e") this.toggleScale();
    else if (event.key === "f") this.toggleFollow();
    else return false;
    return true;
  }
}
