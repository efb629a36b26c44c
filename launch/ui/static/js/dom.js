// Elements without markup in strings: what comes from a run is always text, never HTML.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("aria-")) { element.setAttribute(name, String(value)); continue; }
    if (value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const div = (className, ...children) => h("div", { className }, ...children);
export const span = (className, ...children) => h("span", { className }, ...children);

export function seconds(value) {
  if (value === null || value === undefined) return "";
  if (value < 0.0995) return `${Math.round(value * 1000)} ms`;
  if (value < 9.95) return `${value.toFixed(1)} s`;
  if (value < 599.5) return `${Math.round(value)} s`;
  const minutes = Math.floor(value / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(value % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const many = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });

export function when(at) {
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  const today = date.toDateString() === new Date().toDateString();
  return today ? time : `${date.toLocaleDateString("en", { day: "numeric", month: "short" })}, ${time}`;
}

export function tone(run) {
  if (run.green) return "good";
  if (run.ended) return "bad";
  return run.status === "running" ? "live" : "warn";
}

export const chip = (run) => span(`chip ${tone(run)}`, run.status || "no messages");

export function pips(score, judged = true) {
  const words = ["build", "vet", "test"];
  const said = judged && score ? words.map((word) => `${word} ${score[word] ? "passes" : "fails"}`).join(", ") : "not judged yet";
  const marks = words.map((word) => span(`pip ${judged && score ? (score[word] ? "on" : "off") : ""}`));
  return h("span", { className: "pips", role: "img", "aria-label": said, title: said }, marks);
}

export function toast(text) {
  const box = h("div", { className: "toast" }, text);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), 6000);
}

export function empty(title, ...more) {
  return div("empty", h("strong", {}, title), ...more.map((one) => h("p", {}, one)));
}

export async function confirmed(title, text, act) {
  const dialog = h("dialog", {}, h("h2", {}, title), h("p", { className: "muted" }, text),
    h("form", { method: "dialog" }, h("button", { value: "no" }, "Keep"), h("button", { value: "yes", className: "danger" }, act)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); }));
}
