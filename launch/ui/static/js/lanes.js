// The swimlane: agents down, time across, one canvas as wide as what is seen, however long the run.
import { div, h, seconds } from "./dom.js";
import { family } from "./model.js";
import { TimeScale } from "./timescale.js";

const TOP = 26;
const PAD = 18;
const LABELLED = 160;

export class Lanes {
  constructor(model, onSelect) {
    this.model = model;
    this.onSelect = onSelect;
    this.scale = new TimeScale();
    this.zoom = 1;
    this.even = true;
    this.selected = null;
    this.matches = null;
    this.following = false;
    this.arrows = [];
    this.bars = [];
    this.names = h("ul", { className: "lane-names", "aria-hidden": "true" });
    this.canvas = h("canvas", { role: "img", "aria-label": "Swimlane of the run; the list below says the same in words" });
    this.spacer = div("spacer");
    this.scroller = h("div", { className: "lane-scroll" }, this.canvas, this.spacer);
    this.tip = div("tip");
    this.element = h("div", { className: "lanes" }, this.names, this.scroller);
    this.scroller.addEventListener("scroll", () => { this._noteFollow(); this.draw(); }, { passive: true });
    this.canvas.addEventListener("pointermove", (event) => this._hover(event));
    this.canvas.addEventListener("pointerleave", () => this._untip());
    this.canvas.addEventListener("click", (event) => { const row = this._at(event); if (row) this.onSelect(row.seq); });
    this.scroller.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.25 : 0.8, event.clientX - this.scroller.getBoundingClientRect().left);
    }, { passive: false });
    this.resizing = new ResizeObserver(() => this.update());
    this.resizing.observe(this.scroller);
    this.theming = new MutationObserver(() => { this.colours = null; this.draw(); });
    this.theming.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    document.body.append(this.tip);
  }

  close() { this.resizing.disconnect(); this.theming.disconnect(); this.tip.remove(); }

  get laneHeight() { return window.innerWidth <= 760 ? 26 : 34; }

  zoomBy(factor, around = this.scroller.clientWidth / 2) {
    const time = this.scale.time(this.scroller.scrollLeft + around - PAD);
    this.zoom = factor === 0 ? 1 : Math.min(400, Math.max(1, this.zoom * factor));
    this.following = factor === 0;
    this.update();
    if (factor !== 0) this.scroller.scrollLeft = this.scale.x(time) + PAD - around;
  }

  // Lay everything out anew: after new messages, a resize, a zoom.
  update() {
    const { model } = this;
    const lane = this.laneHeight;
    const live = model.vitals && model.vitals.status === "running";
    const now = live ? Date.now() / 1000 : 0;
    const moments = [];
    for (const row of model.rows) {
      moments.push([row.at, true]);
      for (const [began, ended] of row.calls) moments.push([began, false], [ended, false]);
      for (const one of model.lifeOf(row)) { moments.push([one[2], false]); if (one[3] !== null) moments.push([one[3], false]); }
    }
    this.scale.build(moments, { even: this.even, fit: Math.max(80, this.scroller.clientWidth - 2 * PAD - 8), zoom: this.zoom, end: now });
    this._layOut(now || (model.vitals ? model.vitals.last_at : 0));
    const height = TOP + model.lanes.length * lane + 8;
    this.element.style.setProperty("--lane", `${lane}px`);
    const busy = live ? model.busyLanes() : new Set();
    const names = model.lanes.map((name) => h("li", { className: busy.has(name) ? "busy" : "", title: name }, name));
    this.names.replaceChildren(...names);
    this.spacer.style.width = `${Math.ceil(this.scale.width + 2 * PAD)}px`;
    this._size(height);
    if (this.following && model.rows.length) this.scroller.scrollLeft = this.scroller.scrollWidth;
    this.draw();
  }

  show(seq) {
    const row = this.model.bySeq(seq);
    if (!row) return;
    const x = this.scale.x(row.at) + PAD;
    const { scrollLeft, clientWidth } = this.scroller;
    if (x < scrollLeft + 40 || x > scrollLeft + clientWidth - 40) this.scroller.scrollLeft = x - clientWidth / 2;
  }

  _noteFollow() {
    const { scrollLeft, scrollWidth, clientWidth } = this.scroller;
    this.following = scrollLeft + clientWidth >= scrollWidth - 4;
  }

  _size(height) {
    const ratio = window.devicePixelRatio || 1;
    const width = this.scroller.clientWidth;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
  }

  // Arrows and bars in pixels of the whole run, by their left edge; `reach` finds the first that is seen.
  _layOut(now) {
    const { model, scale } = this;
    const lane = this.laneHeight;
    const place = new Map(model.lanes.map((name, number) => [name, TOP + number * lane + lane / 2]));
    const arrows = [];
    const bars = [];
    for (const row of model.rows) {
      const life = model.lifeOf(row);
      const taker = model.takerOf(row);
      const kind = family(row);
      const y = place.get(row.from);
      const x = scale.x(row.at);
      const got = life.length ? scale.x(life[life.length - 1][2]) : x;
      arrows.push({ row, kind, x, y, x2: Math.max(x, got), y2: taker && place.has(taker) ? place.get(taker) : y, left: x, right: Math.max(x, got) });
      for (const one of life) {
        if (!place.has(one[0])) continue;
        const left = scale.x(one[2]);
        const right = Math.max(left + 3, scale.x(one[3] === null ? now : one[3]));
        bars.push({ row, kind, left, right, y: place.get(one[0]), failed: one[4] === "failed" || one[4] === "dead", live: one[3] === null });
      }
      for (const [began, ended] of row.calls) bars.push({ row, kind: "model", left: scale.x(began), right: scale.x(ended), y });
    }
    for (const some of [arrows, bars]) {
      some.sort((a, b) => a.left - b.left);
      let reach = -Infinity;
      for (const one of some) { reach = Math.max(reach, one.right); one.reach = reach; }
    }
    this.arrows = arrows;
    this.bars = bars;
  }

  _seen(some, from, to) {
    let low = 0;
    let high = some.length;
    while (low < high) { const middle = (low + high) >> 1; if (some[middle].reach < from) low = middle + 1; else high = middle; }
    const found = [];
    for (let index = low; index < some.length && some[index].left <= to; index += 1) if (some[index].right >= from) found.push(some[index]);
    return found;
  }

  _palette() {
    if (this.colours) return this.colours;
    const style = getComputedStyle(document.documentElement);
    const pick = (name) => style.getPropertyValue(name).trim();
    this.colours = {
      draft: pick("--accent"), good: pick("--good"), bad: pick("--bad"), oracle: pick("--violet"), plain: pick("--muted"),
      line: pick("--line"), soft: pick("--line-soft"), ink: pick("--ink"), faint: pick("--faint"), surface: pick("--surface"),
      sans: pick("--sans"),
    };
    return this.colours;
  }

  draw() {
    const colour = this._palette();
    const context = this.canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.width / ratio;
    const height = this.canvas.height / ratio;
    const lane = this.laneHeight;
    const shift = PAD - this.scroller.scrollLeft;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.lineWidth = 1;
    context.strokeStyle = colour.soft;
    context.beginPath();
    this.model.lanes.forEach((_, number) => {
      const y = Math.round(TOP + number * lane + lane / 2) + 0.5;
      context.moveTo(0, y);
      context.lineTo(width, y);
    });
    context.stroke();
    this._axis(context, colour, width, shift);
    const from = -shift - 30;
    const to = width - shift + 30;
    this._bars(context, colour, this._seen(this.bars, from, to), shift);
    this._arrows(context, colour, this._seen(this.arrows, from, to), shift);
  }

  _axis(context, colour, width, shift) {
    context.font = `11.5px ${colour.sans}`;
    context.fillStyle = colour.faint;
    context.textBaseline = "middle";
    let free = -Infinity;
    const start = this.model.start;
    for (let x = -(-shift % 120); x < width; x += 120) {
      if (x - shift < -1 || x - shift > this.scale.width + 1) continue;
      const text = x - shift < 1 ? "0" : `+${seconds(this.scale.time(x - shift) - start)}`;
      const at = Math.max(4, x);
      if (at < free || at + context.measureText(text).width > width) continue;
      context.fillText(text, at, 13);
      free = at + context.measureText(text).width + 12;
    }
    context.strokeStyle = colour.line;
    context.beginPath();
    context.moveTo(0, TOP - 0.5);
    context.lineTo(width, TOP - 0.5);
    context.stroke();
  }

  _bars(context, colour, bars, shift) {
    for (const bar of bars) {
      const model = bar.kind === "model";
      const tall = model ? 4 : Math.round(this.laneHeight * 0.44);
      const x = bar.left + shift;
      const wide = Math.max(model ? 2 : 3, bar.right - bar.left);
      context.globalAlpha = (this.matches && !this.matches.has(bar.row.seq) ? 0.15 : 1) * (model ? 0.85 : bar.row.seq === this.selected ? 0.55 : 0.26);
      context.fillStyle = model ? colour.draft : bar.failed ? colour.bad : colour[bar.kind];
      const y = model ? bar.y - 2 : bar.y - tall / 2;
      if (wide > 6) { context.beginPath(); context.roundRect(x, y, wide, tall, model ? 2 : 4); context.fill(); }
      else context.fillRect(x, y, wide, tall);
      if (bar.live) { context.globalAlpha = 1; context.fillRect(x + wide - 2, bar.y - tall / 2, 2, tall); }
    }
    context.globalAlpha = 1;
  }

  _arrows(context, colour, arrows, shift) {
    const drawn = new Set();
    arrows.forEach((arrow) => {
      const { row } = arrow;
      const chosen = row.seq === this.selected;
      const mark = `${Math.round(arrow.x)}|${arrow.y}|${arrow.y2}|${arrow.kind}`;
      if (!chosen && drawn.has(mark)) return; // the same pixels again
      drawn.add(mark);
      context.globalAlpha = this.matches && !this.matches.has(row.seq) && !chosen ? 0.12 : 1;
      this._arrow(context, colour, arrow, shift, chosen);
    });
    context.globalAlpha = 1;
    if (arrows.length <= LABELLED) this._labels(context, colour, arrows, shift);
  }

  // Names beside arrows, between two lanes, wherever nothing else is.
  _labels(context, colour, arrows, shift) {
    context.font = `11.5px ${colour.sans}`;
    context.textBaseline = "middle";
    const taken = [];
    for (const arrow of arrows) {
      if (arrow.y === arrow.y2 || (this.matches && !this.matches.has(arrow.row.seq))) continue;
      const text = arrow.row.type.replace(/^(draft|verification|build|reference|witnesses|oracle)\./, "");
      const wide = context.measureText(text).width;
      const y = arrow.y + (arrow.y2 > arrow.y ? 1 : -1) * this.laneHeight / 2;
      const left = arrow.x + 6;
      const right = left + wide + 2;
      if (right > this.scale.width + PAD) continue;
      const crossed = arrows.some((one) => one !== arrow && one.x2 > left - 4 && one.x < right && Math.min(one.y, one.y2) < y && Math.max(one.y, one.y2) > y && (one.x !== arrow.x || one.x2 > left));
      if (crossed || taken.some((one) => one.y === y && one.left < right && one.right > left)) continue;
      taken.push({ y, left, right: right + 6 });
      context.fillStyle = colour[arrow.kind];
      context.fillText(text, left + shift, y);
    }
  }

  _arrow(context, colour, arrow, shift, chosen) {
    const x = arrow.x + shift;
    const x2 = arrow.x2 + shift;
    const { y, y2 } = arrow;
    context.strokeStyle = context.fillStyle = colour[arrow.kind];
    context.lineWidth = chosen ? 2.6 : 1.3;
    if (y === y2) {
      context.beginPath();
      context.arc(x, y, chosen ? 5.5 : 3.5, 0, 7);
      context.fill();
      if (!arrow.row.to) { context.beginPath(); context.arc(x, y, chosen ? 9 : 6.5, 0, 7); context.stroke(); }
      return;
    }
    const down = y2 > y ? 1 : -1;
    const tip = y2 - down * 2;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x2, tip - down * 5);
    context.stroke();
    context.beginPath();
    context.arc(x, y, chosen ? 4 : 2.6, 0, 7);
    context.fill();
    context.beginPath();
    context.moveTo(x2, tip);
    context.lineTo(x2 - 4, tip - down * 8);
    context.lineTo(x2 + 4, tip - down * 8);
    context.fill();
  }

  _at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left + this.scroller.scrollLeft - PAD;
    const y = event.clientY - box.top;
    const reach = event.pointerType === "touch" ? 14 : 7;
    let best = null;
    let least = reach;
    for (const arrow of this._seen(this.arrows, x - 20, x + 20)) {
      const top = Math.min(arrow.y, arrow.y2) - 6;
      const bottom = Math.max(arrow.y, arrow.y2) + 6;
      if (y < top || y > bottom) continue;
      const share = arrow.y2 === arrow.y ? 0 : Math.min(1, Math.max(0, (y - arrow.y) / (arrow.y2 - arrow.y)));
      const away = Math.abs(arrow.x + share * (arrow.x2 - arrow.x) - x);
      if (away < least) { least = away; best = arrow.row; }
    }
    if (best) return best;
    const bar = this._seen(this.bars, x - 2, x + 2).filter((one) => Math.abs(one.y - y) < this.laneHeight / 3);
    return bar.length ? bar[bar.length - 1].row : null;
  }

  _hover(event) {
    const row = this._at(event);
    this.canvas.style.cursor = row ? "pointer" : "default";
    if (!row || event.pointerType === "touch") { this._untip(); return; }
    this.tip.replaceChildren(h("b", {}, row.type), ` ${row.from} → ${row.to || "all"}`, h("br"), h("span", {}, `+${seconds(row.at - this.model.start)}  ${row.says}`));
    const box = this.tip.getBoundingClientRect();
    const x = Math.min(event.clientX + 14, window.innerWidth - box.width - 8);
    this.tip.style.transform = `translate(${x}px, ${Math.min(event.clientY + 16, window.innerHeight - box.height - 8)}px)`;
    this.tip.style.visibility = "visible";
  }

  _untip() { this.tip.style.visibility = "hidden"; }
}
