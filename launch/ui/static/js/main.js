// The frame: which page is shown, the pulse that feeds them, keys, light and dark.
import { listen } from "./api.js";
import { h } from "./dom.js";
import { DeadPage, NewPage, RunsPage, SwarmPage } from "./pages.js";
import { RunPage } from "./run.js";

const main = document.getElementById("main");
const link = document.getElementById("link");
const state = { runs: null, swarm: null };
let page = null;
let address = "";

function route() {
  const [name = "", run = "", tab = ""] = location.hash.replace(/^#\/?/, "").split("/");
  const now = name === "runs" && run ? `runs/${run}` : name;
  if (page && now === address && page.show) { page.show(tab || "messages"); return; }
  page?.destroy?.();
  address = now;
  if (name === "runs" && run) page = new RunPage(decodeURIComponent(run), tab, linked);
  else if (name === "swarm") page = new SwarmPage();
  else if (name === "dead") page = new DeadPage(() => {});
  else if (name === "new") page = new NewPage();
  else page = new RunsPage();
  main.replaceChildren(page.element);
  main.scrollTop = 0;
  const current = { swarm: "swarm", dead: "dead", new: "new" }[name] || "runs";
  for (const one of document.querySelectorAll(".nav a")) {
    if (one.dataset.page === current) one.setAttribute("aria-current", "page"); else one.removeAttribute("aria-current");
  }
  document.title = run ? `${run} · guildbus` : "guildbus";
  page.update?.(state);
}

function linked(up) {
  link.textContent = up ? "live" : "connection lost";
  link.classList.toggle("lost", !up);
}

listen("pulse", {
  runs: (runs) => { state.runs = runs; page.update?.(state); },
  swarm: (swarm) => {
    state.swarm = swarm;
    const dead = swarm.queues.reduce((sum, queue) => sum + queue.dead, 0);
    const at = document.querySelector('[data-page="dead"]');
    at.querySelector(".count")?.remove();
    if (dead) at.append(h("span", { className: "count" }, String(dead)));
    page.update?.(state);
  },
}, linked);

function paint(theme) {
  document.documentElement.dataset.theme = theme;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const preferred = () => localStorage.getItem("theme") || (dark.matches ? "dark" : "light");
dark.addEventListener("change", () => paint(preferred()));
paint(preferred());

function toggleTheme() {
  localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  paint(preferred());
}

const keys = document.getElementById("keys");
document.getElementById("theme").addEventListener("click", toggleTheme);
document.getElementById("help").addEventListener("click", () => keys.showModal());

let going = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest("input, textarea, select");
  if (typing) { if (event.key === "Escape") typing.blur(); return; }
  if (going) {
    going = false;
    const to = { r: "#/", s: "#/swarm", d: "#/dead", n: "#/new" }[event.key];
    if (to) { location.hash = to; event.preventDefault(); return; }
  }
  if (event.key === "g") { going = true; setTimeout(() => { going = false; }, 1200); return; }
  if (event.key === "t") toggleTheme();
  else if (event.key === "?") keys.showModal();
  else if (!page.key?.(event)) return;
  event.preventDefault();
});

window.addEventListener("hashchange", route);
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
route();
