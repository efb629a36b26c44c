// The files of each judgement: what changed since the one before, with notes beside their lines.
import { div, h, many, pips, span } from "./dom.js";

const AROUND = 3;
const FOLD = 9;

export class FilesView {
  constructor() { this.chosen = null; }

  show({ judgements }) {
    if (!judgements.length) return div("page", h("div", { className: "empty" }, h("strong", {}, "No file was judged yet"), h("p", {}, "Files appear when the gates have passed them and the verifier has built the tree.")));
    const last = judgements.length - 1;
    const page = div("page");
    const choose = (number) => { this.chosen = number === last ? null : number; draw(); };
    const draw = () => {
      const number = Math.min(this.chosen ?? last, last);
      const buttons = judgements.map((one, index) => h("button", { "aria-pressed": index === number, onclick: () => choose(index) }, one.score ? `round ${one.round + 1}` : "refused", one.score && pips(one.score)));
      page.replaceChildren(h("div", { className: "judgements", role: "group", "aria-label": "Judgements" }, buttons), ...judgement(judgements[number]));
    };
    draw();
    return page;
  }
}

function judgement(one) {
  const parts = [];
  if (one.score) {
    const words = [one.green ? "green" : "red", many(one.tried, "combination") + " tried", one.tests[1] ? `${one.tests[0]} of ${one.tests[1]} tests pass` : "", one.rolled_back ? "rolled back to the best tree so far" : ""];
    parts.push(h("p", { className: "muted" }, span(one.green ? "good" : "bad", `${one.score.total}/3 `), words.filter(Boolean).join(", ")));
  }
  if (one.findings && one.findings.length) parts.push(h("ul", { className: "findings card" }, one.findings.map((note) => h("li", {}, span("chip bad", note.kind), " ", note.text))));
  parts.push(...one.files.map(fileBox));
  if (one.refused.length) parts.push(h("h2", {}, "Refused by the gates"), ...one.refused.map(refusedBox));
  return parts;
}

function fileBox(file) {
  const noted = file.rows.some((row) => row.notes.length) || file.notes.length > 0;
  const state = { new: "first version", same: "unchanged", changed: "changed" }[file.state];
  const head = h("summary", {}, span("path", file.path), span("muted", `${file.author}, round ${file.round + 1}, candidate ${file.candidate}`), span("muted", state), file.cases ? span("muted", many(file.cases, "case")) : null, noted ? span("chip bad", "noted") : null);
  return h("details", { className: "file", open: file.state !== "same" || noted }, head, notes(file.notes), code(file.rows, file.state), gates(file.gates));
}

function refusedBox(one) {
  const head = h("summary", {}, span("path", one.path), span("muted", `${one.author}, round ${one.round + 1}, candidate ${one.candidate}`), span("chip bad", "refused"));
  return h("details", { className: "file" }, head, notes(one.notes), code(one.rows, "new"), gates(one.gates));
}

const notes = (some) => some.length ? h("div", { className: "file-notes" }, some.map((note) => h("div", {}, span(`chip ${note.kind === "fix" ? "good" : "bad"}`, note.kind), " ", note.text))) : null;

function gates(verdicts) {
  if (!verdicts.length) return null;
  const passed = verdicts.filter((one) => one.outcome === "passed").length;
  const other = verdicts.filter((one) => one.outcome !== "passed");
  return h("div", { className: "gates" }, span("muted", "gates:"), passed ? h("span", { className: "chip good", title: verdicts.filter((one) => one.outcome === "passed").map((one) => one.gate).join(", ") }, `${passed} passed`) : null,
    other.map((one) => h("span", { className: `chip ${one.outcome === "fixed" ? "warn" : "bad"}`, title: one.reason }, `${one.gate} ${one.outcome === "fixed" ? "mended it" : "refused it"}`)));
}

export function code(rows, state) {
  const grid = div("code-rows");
  const keep = new Set();
  const whole = state === "new";
  rows.forEach((row, index) => {
    if (!(row.tag !== " " || row.notes.length)) return;
    for (let near = index - AROUND; near <= index + AROUND; near += 1) keep.add(near);
  });
  for (let index = 0; index < rows.length; index += 1) {
    let end = index;
    while (!whole && end < rows.length && !keep.has(end)) end += 1;
    if (end - index > FOLD) { grid.append(fold(rows.slice(index, end))); index = end - 1; continue; }
    grid.append(...line(rows[index]));
  }
  return h("div", { className: "code", tabIndex: 0 }, grid);
}

function fold(rows) {
  const box = div("code-fold");
  box.append(h("button", { onclick: () => box.replaceWith(...rows.flatMap(line)) }, `⋯ ${many(rows.length, "unchanged line")}`));
  return box;
}

function line(row) {
  const tag = { "+": " add", "-": " del" }[row.tag] || "";
  const fixed = row.notes.length && row.notes.every((note) => note.kind === "fix");
  const mark = row.notes.length ? ` noted${fixed ? " fixed" : ""}` : "";
  const shown = h("div", { className: `code-line${tag}${mark}` }, span("no", row.old && row.tag !== "+" ? String(row.old) : ""), span("no", row.new ? String(row.new) : ""), span("text", row.text || " "));
  return [shown, ...row.notes.map((note) => h("div", { className: `code-note ${note.kind}` }, h("b", {}, note.kind), note.text))];
}
