"""The style sheet of the mailed page (`page.py`): readable in light and dark, on a phone, and on paper."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2530; --dim: #66717f; --paper: #fff; --panel: #f5f7f9;
  --edge: #dce1e7; --good: #1a7f4b; --bad: #c0392b; --bar: #7aa2d8; --model: #b07cc6; --tool: #d9a441;
  --sent: #51606f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ee; --dim: #97a3b0; --paper: #14181d;
  --panel: #1c2229; --edge: #313a45; --good: #4cc38a; --bad: #ff7b6b; --bar: #44699c; --model: #8d5ba6;
  --tool: #a87a26; --sent: #9fb0c2; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3, h4 { font-size: 1rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: var(--dim); } dd { margin: 0; }
pre { background: var(--panel); border: 1px solid var(--edge); border-radius: 4px; padding: .6rem;
  overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; tab-size: 4; margin: .4rem 0; }
td pre { margin: 0; padding: .2rem .4rem; }
details { margin: .4rem 0; } summary { cursor: pointer; }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: .4rem 0; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: .2rem .7rem .2rem 0;
  border-bottom: 1px solid var(--edge); }
th { color: var(--dim); font-weight: 500; }
.good { color: var(--good); } .bad { color: var(--bad); } .dim { color: var(--dim); }
.round { color: inherit; border-left: 3px solid var(--bad); padding-left: .8rem; margin: 1rem 0; }
.round.good { border-color: var(--good); }
.added { color: var(--good); } .removed { color: var(--bad); } .place { color: var(--dim); }
.drawing { overflow-x: auto; }
svg.swimlane { width: 100%; min-width: 640px; height: auto; font: 12px system-ui, sans-serif; }
svg .lane0 { fill: var(--panel); } svg .lane1 { fill: var(--paper); } svg text { fill: var(--ink); }
svg .tick { fill: var(--dim); font-size: 10px; } svg .grid { stroke: var(--edge); }
svg .handling { fill: var(--bar); } svg .model { fill: var(--model); } svg .toolchain { fill: var(--tool); }
svg .failed, svg .dead { fill: var(--bad); } svg .cancelled, svg .open { fill: var(--dim); }
svg .sent { stroke: var(--sent); fill: none; stroke-width: 1.2; } svg .head { fill: var(--sent); }
svg .sent.good { stroke: var(--good); stroke-width: 2; } svg .sent.bad { stroke: var(--bad); }
svg .said { fill: var(--sent); } svg .said.good { fill: var(--good); } svg .said.bad { fill: var(--bad); }
footer { margin: 2rem 0 1rem; color: var(--dim); font-size: 13px; }
@media print { details::details-content { content-visibility: visible; } }
"""
