// A JSON value as a tree that opens and closes; texts of several lines as they are.
import { h, span } from "./dom.js";

export function tree(value) {
  return h("div", { className: "tree" }, node(value, 0));
}

function node(value, depth) {
  if (value === null || typeof value === "boolean") return span("lit", String(value));
  if (typeof value === "number") return span("num", String(value));
  if (typeof value === "string") return value.includes("\n") ? h("pre", {}, value) : span("str", value === "" ? '""' : value);
  const entries = Array.isArray(value) ? value.map((one, index) => [index, one]) : Object.entries(value);
  if (!entries.length) return span("faint", Array.isArray(value) ? "none" : "{}");
  return h("ul", {}, entries.map(([key, one]) => h("li", {}, branch(String(key), one, depth + 1))));
}

function branch(key, value, depth) {
  const inner = value !== null && typeof value === "object" && Object.keys(value).length > 0;
  if (!inner) return [span("key", `${key} `), node(value, depth)];
  const size = Object.keys(value).length;
  const open = depth <= 1 ? size <= 12 : depth <= 2 && size <= 6;
  const head = h("summary", {}, span("key", key), span("faint", ` ${Array.isArray(value) ? `[${size}]` : hint(value)}`));
  const box = h("details", { open }, head);
  let filled = false;
  const fill = () => { if (!filled && box.open) { filled = true; box.append(node(value, depth)); } };
  box.addEventListener("toggle", fill);
  fill();
  return box;
}

const hint = (value) => {
  const named = ["path", "name", "call", "test", "gate", "where", "model"].map((key) => value[key]).find((one) => typeof one === "string");
  return named || `{${Object.keys(value).length}}`;
};
