"""A run as an inline SVG: agents down, time across, handlings as bars, messages as arrows. Pure."""

from collections.abc import Iterator
from typing import Final

from guildbus.launch import about
from guildbus.launch.exports.markup import Markup, element
from guildbus.launch.exports.timeline import Flight, Timeline, Work, figures
from guildbus.launch.tracing import summary

LEFT: Final = 120
WIDTH: Final = 1080
LANE: Final = 44
TOP: Final = 26
MOST_ARROWS: Final = 2000
_STEPS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


def swimlane(timeline: Timeline) -> Markup:
    """The drawing; of a run with more than `MOST_ARROWS` messages the later arrows are left out."""
    height = TOP + LANE * len(timeline.agents) + 10
    scale = _Scale(timeline)
    return element(
        "svg",
        _marker(),
        scale.axis(height),
        (scale.lane(number, agent) for number, agent in enumerate(timeline.agents)),
        (scale.bar(work) for work in sorted(timeline.works, key=lambda one: one.kind != "handling")),
        (arrow for flight in timeline.flights[:MOST_ARROWS] for arrow in scale.arrows(flight)),
        viewBox=f"0 0 {LEFT + WIDTH + 40} {height}",
        role="img",
        aria_label="agents down, time across",
        class_="swimlane",
    )


def _marker() -> Markup:
    head = element("path", d="M0,0 L6,3 L0,6 z", class_="head")
    marker = element("marker", head, id="head", markerWidth=6, markerHeight=6, refX=6, refY=3, orient="auto")
    return element("defs", marker)


class _Scale:
    """Where a moment and an agent are in the drawing."""

    def __init__(self, timeline: Timeline) -> None:
        self._start = timeline.started_at
        self._length_s = max(0.001, timeline.ended_at - timeline.started_at)
        self._rows = {agent: number for number, agent in enumerate(timeline.agents)}

    def x(self, at: float) -> float:
        return round(LEFT + WIDTH * min(1.0, max(0.0, (at - self._start) / self._length_s)), 1)

    def y(self, agent: str) -> float:
        return TOP + LANE * self._rows[agent] + LANE / 2

    def axis(self, height: int) -> Iterator[Markup]:
        step = next((one for one in _STEPS if self._length_s / one <= 12), 7200)
        for number in range(int(self._length_s / step) + 1):
            x = self.x(self._start + number * step)
            yield element("line", x1=x, x2=x, y1=TOP - 6, y2=height, class_="grid")
            yield element("text", f"{number * step:g} s", x=x + 3, y=TOP - 10, class_="tick")

    def lane(self, number: int, agent: str) -> Markup:
        y = TOP + LANE * number
        return element(
            "g",
            element("rect", x=0, y=y, width=LEFT + WIDTH + 20, height=LANE, class_=f"lane{number % 2}"),
            element("text", agent, x=8, y=y + LANE / 2 + 4, class_="agent"),
        )

    def bar(self, work: Work) -> Markup:
        x, width = self.x(work.began_at), max(1.5, self.x(work.ended_at) - self.x(work.began_at))
        tall = 16 if work.kind == "handling" else 6
        lower = 0 if work.kind == "handling" else 13
        told = f"#{work.seq} {work.label}, {work.ended_at - work.began_at:.2f} s {work.outcome} {work.reason}"
        told += "".join(f"\n{key}: {value}" for key, value in figures(work).items())
        return element(
            "rect",
            element("title", told),
            x=x,
            y=self.y(work.agent) - tall / 2 + lower,
            width=round(width, 1),
            height=tall,
            rx=2,
            class_=f"{work.kind} {work.outcome}",
        )

    def arrows(self, flight: Flight) -> Iterator[Markup]:
        line = flight.line
        x, y = self.x(flight.sent_at), self.y(flight.sender)
        verdict = about.verdict_of(line.message)
        title = element(
            "title", f"#{line.seq} {about.short_type(line.envelope.type)}: {summary(line.message)}"
        )
        if not flight.arrivals:
            dot = element("circle", title, cx=x, cy=y, r=4)
            yield element("g", dot, title, class_=f"said {verdict}")
        for _, agent, at in flight.arrivals:
            down = self.y(agent) - y
            end = self.y(agent) - (9 if down > 0 else -9 if down < 0 else 0)
            path = f"M{x},{y} L{max(x + 0.1, self.x(at))},{end}"
            yield element("path", title, d=path, class_=f"sent {verdict}", marker_end="url(#head)")
