// Every model call of a run, and the proof that nobody was shown what it must not see.
import { div, empty, h, seconds, span } from "./dom.js";
import { manifest } from "./inspector.js";

const KINDS = ["system", "spec", "api", "body", "previous", "evidence", "example", "instruction", "reference", "begun"];

export function callsView({ calls, held }, model) {
  if (!calls.length) return div("page", empty("No model call has ended yet", "A call is told of when its draft is proposed."));
  const kinds = KINDS.filter((kind) => Object.values(held).some((one) => one[kind]));
  const table = h("table", { className: "held" }, h("thead", {}, h("tr", {}, h("th", {}, "prompts of"), kinds.map((kind) => h("th", {}, kind)))),
    h("tbody", {}, Object.entries(held).map(([agent, one]) => h("tr", {}, h("td", {}, agent), kinds.map((kind) => h("td", { className: one[kind] ? "" : "faint" }, one[kind] ? String(one[kind]) : "never"))))));
  return div("page",
    h("section", { className: "card" }, h("h2", {}, "What the prompts held"), h("p", { className: "muted" }, "In how many calls each kind of part was. Nobody shares a context: a test's author is never shown a body."), h("div", { className: "scroll-x" }, table)),
    h("section", { className: "stack" }, h("h2", {}, `${calls.length} calls`), calls.map((call) => box(call, model))));
}

function box(call, model) {
  const at = model.start ? `at ${seconds(Math.max(0, call.began - model.start))}` : "";
  return h("details", { className: "call" }, h("summary", {}, h("strong", {}, call.agent), span("", `${call.file}, round ${call.round + 1}, candidate ${call.candidate}`),
    span("muted", `${call.prompt_tokens} + ${call.tokens} tokens`), span("muted", call.cached ? "from the store" : `${seconds(call.wall_s)} ${at}`), call.tokens_s === null ? null : span("muted", `${call.tokens_s} tokens/s`),
    span("faint", `${call.model}, temperature ${call.temperature}, seed ${call.seed}, ${call.finish}`)), manifest(call.manifest));
}
