// The messages in words: a list of any length, of which only the rows that are seen exist.
import { h, seconds, span } from "./dom.js";
import { cost, family } from "./model.js";

const SPARE = 8;

export class MessageList {
  constructor(model, onSelect) {
    this.model = model;
    this.onSelect = onSelect;
    this.shown = [];
    this.selected = null;
    this.following = false;
    this.pool = [];
    this.space = h("div", {});
    this.element = h("div", { className: "list", role: "listbox", tabIndex: 0, "aria-label": "Messages" }, this.space);
    this.element.addEventListener("scroll", () => {
      const { scrollTop, clientHeight, scrollHeight } = this.element;
      this.following = scrollTop + clientHeight >= scrollHeight - 4;
      this.draw();
    }, { passive: true });
    this.element.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) this.onSelect(Number(row.dataset.seq));
    });
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.element);
  }

  close() { this.resizing.disconnect(); }

  get rowHeight() { return window.innerWidth <= 760 ? 50 : 31; }

  update(matches) {
    this.shown = matches ? this.model.rows.filter((row) => matches.has(row.seq)) : this.model.rows;
    this.space.style.height = `${this.shown.length * this.rowHeight}px`;
    if (this.following) this.element.scrollTop = this.element.scrollHeight;
    this.draw();
  }

  indexOf(seq) {
    if (this.shown === this.model.rows) return this.model.indexOf(seq) ?? -1;
    return this.shown.findIndex((row) => row.seq === seq);
  }

  step(by) {
    if (!this.shown.length) return null;
    const index = this.selected === null ? -1 : this.indexOf(this.selected);
    const from = index >= 0 ? index : by > 0 ? -1 : this.shown.length;
    return this.shown[Math.min(this.shown.length - 1, Math.max(0, from + by))].seq;
  }

  show(seq) {
    const index = this.indexOf(seq);
    if (index < 0) return;
    const top = index * this.rowHeight;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.rowHeight > scrollTop + clientHeight) this.element.scrollTop = top + this.rowHeight - clientHeight;
  }

  draw() {
    const tall = this.rowHeight;
    this.element.style.setProperty("--row", `${tall}px`);
    const first = Math.max(0, Math.floor(this.element.scrollTop / tall) - SPARE);
    const last = Math.min(this.shown.length, Math.ceil((this.element.scrollTop + this.element.clientHeight) / tall) + SPARE);
    while (this.pool.length < last - first) this.pool.push(this._fresh());
    this.pool.forEach((slot, number) => {
      const row = this.shown[first + number];
      if (number >= last - first || !row) { slot.row.hidden = true; slot.row.style.display = "none"; slot.told = ""; return; }
      this._fill(slot, row, first + number, tall);
    });
    const active = this.selected !== null && this.pool.find((slot) => slot.told && slot.row.dataset.seq === String(this.selected));
    if (active) this.element.setAttribute("aria-activedescendant", active.row.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  _fresh() {
    const cells = Object.fromEntries(["seq", "at", "kind", "who", "says", "cost"].map((name) => [name, span(name)]));
    const row = h("div", { className: "row", role: "option", id: `message-row-${this.pool.length}` }, Object.values(cells));
    this.space.append(row);
    return { row, cells, told: "" };
  }

  _fill(slot, row, index, tall) {
    const spent = cost(this.model.lifeOf(row));
    const told = `${row.seq}|${index}|${spent}|${this.selected === row.seq}|${tall}|${this.shown.length}`;
    if (slot.told === told) return;
    slot.told = told;
    slot.row.hidden = false;
    slot.row.style.display = "";
    slot.row.style.transform = `translateY(${index * tall}px)`;
    slot.row.dataset.seq = row.seq;
    slot.row.setAttribute("aria-selected", this.selected === row.seq);
    slot.row.setAttribute("aria-posinset", index + 1);
    slot.row.setAttribute("aria-setsize", this.shown.length);
    slot.cells.seq.textContent = `#${row.seq}`;
    slot.cells.at.textContent = seconds(row.at - this.model.start);
    slot.cells.who.textContent = `${row.from} → ${row.to || "all"}`;
    slot.cells.kind.textContent = row.type;
    slot.cells.kind.className = `kind ${family(row)}`;
    slot.cells.says.textContent = row.says;
    slot.cells.says.title = row.says;
    slot.cells.cost.textContent = spent;
  }
}
