// Time to pixels. To scale, or in even steps: waits of minutes are drawn short, bursts of milliseconds long.

export class TimeScale {
  constructor() {
    this.times = [0];
    this.xs = [0];
    this.width = 0;
  }

  // `moments` are [time, isMessage]; `fit` is the width to fill; `zoom` multiplies it.
  build(moments, { even, fit, zoom, end }) {
    const sorted = moments.sort((a, b) => a[0] - b[0]);
    const start = sorted.length ? sorted[0][0] : 0;
    const last = Math.max(end || start, sorted.length ? sorted[sorted.length - 1][0] : start);
    if (!even) {
      this.times = [start, Math.max(last, start + 1e-3)];
      this.width = Math.max(1, fit * zoom);
      this.xs = [0, this.width];
      return;
    }
    const times = [start];
    const weights = [0];
    let total = 0;
    let messages = 0;
    const add = (time, isMessage) => {
      const gap = time - times[times.length - 1];
      if (gap < 1e-4 && !isMessage) return;
      total += Math.log2(1 + Math.max(0, gap) / 0.02) + (isMessage && messages ? 1.6 : 0);
      if (isMessage) messages += 1;
      if (gap < 1e-4) { weights[weights.length - 1] = total; return; }
      times.push(time);
      weights.push(total);
    };
    for (const [time, isMessage] of sorted) add(time, isMessage);
    add(last, false);
    total = total || 1;
    this.width = Math.max(fit * zoom, messages * 13 * zoom);
    this.times = times;
    this.xs = weights.map((weight) => (weight / total) * this.width);
    if (times.length === 1) { this.times = [start, start + 1]; this.xs = [0, this.width]; }
  }

  x(time) {
    const { times, xs } = this;
    let low = 0;
    let high = times.length - 1;
    if (time <= times[0]) return xs[0];
    if (time >= times[high]) return xs[high];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle; else high = middle;
    }
    const share = (time - times[low]) / (times[high] - times[low]);
    return xs[low] + share * (xs[high] - xs[low]);
  }

  time(x) {
    const { times, xs } = this;
    let low = 0;
    let high = xs.length - 1;
    if (x <= xs[0]) return times[0];
    if (x >= xs[high]) return times[high];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] <= x) low = middle; else high = middle;
    }
    const share = (x - xs[low]) / (xs[high] - xs[low] || 1);
    return times[low] + share * (times[high] - times[low]);
  }
}
