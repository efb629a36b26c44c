// One run as the page knows it: rows in order, what became of each, lanes. No DOM in here.

export class RunModel {
  constructor() {
    this.rows = [];
    this.lives = new Map();
    this.lanes = [];
    this.vitals = null;
    this.unread = 0;
    this.version = 0;
    this._seqOf = new Map();
    this._byId = new Map();
    this._effects = new Map();
  }

  head({ lanes }) {
    for (const lane of lanes) this._lane(lane);
  }

  page({ rows, lives, unread }) {
    for (const row of rows) {
      if (this._seqOf.has(row.seq)) continue; // sent again after a reconnect
      this._seqOf.set(row.seq, this.rows.length);
      this._byId.set(row.id, row);
      this.rows.push(row);
      this._lane(row.from);
      if (row.cause) {
        if (!this._effects.has(row.cause)) this._effects.set(row.cause, []);
        this._effects.get(row.cause).push(row);
      }
    }
    for (const [seq, life] of Object.entries(lives)) {
      this.lives.set(Number(seq), life);
      for (const one of life) if (one[0]) this._lane(one[0]);
    }
    this.unread = unread;
    this.version += 1;
  }

  get start() { return this.rows.length ? this.rows[0].at : 0; }
  bySeq(seq) { const index = this._seqOf.get(seq); return index === undefined ? null : this.rows[index]; }
  indexOf(seq) { return this._seqOf.get(seq); }
  causeOf(row) { return row.cause ? this._byId.get(row.cause) || null : null; }
  effectsOf(row) { return this._effects.get(row.id) || []; }
  lifeOf(row) { return this.lives.get(row.seq) || []; }

  // The lane that took a message, or will: its last holder's, or the lane of its role. null: an announcement.
  takerOf(row) {
    const life = this.lifeOf(row);
    if (life.length && life[life.length - 1][0]) return life[life.length - 1][0];
    return row.to;
  }

  busyLanes() {
    const busy = new Set();
    for (const life of this.lives.values()) {
      const last = life[life.length - 1];
      if (last && last[3] === null) busy.add(last[0]);
    }
    return busy;
  }

  _lane(name) {
    if (name && !this.lanes.includes(name)) this.lanes.push(name);
  }
}

// The colour family of a message.
export function family(row) {
  if (row.tone === "bad" && !row.type.startsWith("draft")) return "bad";
  if (row.type.startsWith("draft")) return row.tone === "bad" ? "bad" : "draft";
  if (row.type.startsWith("verification") || row.type === "build.finished") return row.tone || "plain";
  if (/^(oracle|reference|witnesses)/.test(row.type)) return "oracle";
  if (/^(message\.died|run\.cancelled|dead)/.test(row.type)) return "bad";
  return "plain";
}

// What a message cost, in few words.
export function cost(life) {
  if (!life.length) return "";
  const last = life[life.length - 1];
  if (last[3] === null) return "in hand";
  if (last[4] === "failed") return `failed, attempt ${last[1]}`;
  if (last[4] !== "settled") return last[4];
  const took = last[3] - last[2];
  const text = took < 0.0995 ? `${Math.round(took * 1000)} ms` : took < 9.95 ? `${took.toFixed(1)} s` : `${Math.round(took)} s`;
  return last[1] > 1 ? `${text}, attempt ${last[1]}` : text;
}

// "go-dev draft" finds rows that hold both words.
export function matcher(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  return (row) => {
    const round = row.round === null || row.round === undefined ? "" : `round:${row.round}`;
    const whole = `#${row.seq} ${row.type} ${row.from} ${row.to || "all"} ${row.file} ${round} ${row.says}`.toLowerCase();
    return words.every((word) => whole.includes(word));
  };
}
