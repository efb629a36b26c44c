// The oracle's evidence: disputes and their verdicts, what the witnesses settled, the references themselves.
import { div, empty, h, many, span } from "./dom.js";

export function oracleView({ programs, folders, disputes, examined, interventions }) {
  if (!programs.length && !folders.length && !disputes.length) {
    return div("page", empty("No witness was heard in this run", "References are written where [build] examine is on in guild.toml; then a failing row of a test is a dispute, and the evidence is here."));
  }
  return div("page", disputesCard(disputes), interventions.length ? interventionsCard(interventions) : null, examined.length ? examinedCard(examined) : null, folders.map(folderCard), programs.length ? programsCard(programs) : null);
}

const FINDING = { "row-right": ["good", "the row is right"], "row-wrong": ["bad", "the row is wrong"], undecided: ["warn", "undecided"] };

function disputesCard(disputes) {
  const body = disputes.length ? disputes.map((one) => h("div", { className: "stack" },
    h("p", {}, h("strong", {}, one.path), span("muted", `  round ${one.round + 1}, asked in #${one.seq}${one.answered ? "" : ", not answered yet"}`)),
    h("ul", { className: "attempts" }, [...one.verdicts].sort((a, b) => (a.finding === "row-right") - (b.finding === "row-right")).map((verdict) => {
      const [tone, words] = FINDING[verdict.finding];
      const right = verdict.finding === "row-right";
      const values = right ? h("code", {}, ` = ${verdict.expected}`) : h("div", {}, swap(verdict.before || verdict.expected, verdict.after || plain(verdict.settled)));
      return h("li", { className: verdict.finding === "row-wrong" ? "bad" : "" }, span("case", verdict.call), right ? values : " ", " ", span(`chip ${tone}`, words), right ? null : values,
        h("div", { className: "muted" }, `${verdict.test}, line ${verdict.line}; ${verdict.votes.length ? `says ${verdict.votes.join(", ")}` : "no votes"}`));
    })))) : h("p", { className: "muted" }, "No row of a test was in dispute.");
  return h("section", { className: "card stack" }, h("h2", {}, "Disputes"), body);
}

// The values in an outcome's canonical JSON.
function plain(outcome) {
  try {
    const told = JSON.parse(outcome);
    return told && Array.isArray(told.values) ? told.values.map((one) => JSON.stringify(one)).join(", ") : outcome;
  } catch { return outcome; }
}

const swap = (before, after) => h("span", { className: "swap" }, h("del", {}, before || "?"), "→", h("ins", {}, after || "?"));

function interventionsCard(interventions) {
  return h("section", { className: "card" }, h("h2", {}, "What the evidence changed"), h("ul", { className: "attempts" }, interventions.map((one) =>
    h("li", {}, span("chip violet", one.kind.replace("-", " ")), "  ", h("strong", {}, one.file), "  ", span("case", one.call), h("div", {}, swap(plain(one.before), plain(one.after))), h("div", { className: "muted" }, `witnesses ${one.witness.join(", ")}`)))));
}

function examinedCard(examined) {
  return h("section", { className: "card scroll-x" }, h("h2", {}, "Examination of the last tree"), h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "function"), h("th", { className: "num" }, "agrees on"), h("th", {}, "first counterexample"))),
    h("tbody", {}, examined.map((one) => h("tr", {}, h("td", { className: "case" }, one.subject), h("td", { className: `num ${one.agreed < one.total ? "bad" : "good"}` }, one.total ? `${one.agreed} of ${one.total}` : "–"),
      h("td", { className: "case" }, one.counterexamples.length ? `${one.counterexamples[0].call} = ${plain(one.counterexamples[0].got)}; settled ${plain(one.counterexamples[0].want)}` : one.why))))));
}

function folderCard(one) {
  return h("section", { className: "card stack" }, h("h2", {}, `Settled by witnesses${one.folder ? ` in ${one.folder}` : ""}`), h("p", { className: "muted" }, `heard: ${one.witnesses.join(", ") || "nobody"}`),
    one.dismissed.map((gone) => h("p", { className: "muted" }, span("chip warn", "not heard"), ` ${gone.name}: ${gone.reason}`)), one.tables.map(tableBox));
}

function tableBox(table) {
  const head = h("summary", {}, h("strong", { className: "case" }, table.subject), span("muted", `  ${many(table.cases.length, "case")} settled of ${table.drawn}, ${table.split} split${table.obstacle ? `; ${table.obstacle}` : ""}`));
  const rows = table.cases.slice(0, 200).map((one) => h("tr", {}, h("td", { className: "case" }, one.call), h("td", { className: "case" }, plain(one.outcome)), h("td", { className: "muted" }, one.stated ? "the spec states it" : `${one.votes.join(", ")}${one.against ? `; ${one.against} against` : ""}`)));
  return h("details", {}, head, h("div", { className: "scroll-x" }, h("table", {}, h("tbody", {}, rows))));
}

function programsCard(programs) {
  return h("section", { className: "card stack" }, h("h2", {}, many(programs.length, "reference program")), programs.map((one) => h("details", {}, h("summary", {}, h("strong", {}, one.name), span("muted", `  ${one.language}, ${one.sha256.slice(0, 10)}`)), h("div", { className: "tree" }, h("pre", {}, one.content)))));
}
