// The last ten minutes of a quantity as a small line, of what this page has seen: a gap is a gap.

import {h, LEAST, quantity} from "./dom.js";

const SPAN_S = 600;
const WIDTH = 132, HEIGHT = 30;

export class Spark {
  constructor(unit, period) {
    this.unit = unit;
    this.gap = Math.max(3 * period, 3);
    this.points = []; // [s of the page's clock, value or null]
    this.canvas = h("canvas", {class: "spark", role: "img"});
    this.canvas.width = WIDTH * 2;
    this.canvas.height = HEIGHT * 2;
  }

  add(at, value) {
    this.points.push([at, typeof value === "number" ? value : null]);
    if (this.points[0][0] < at - SPAN_S) this.points.splice(0, this.points.findIndex(([t]) => t >= at - SPAN_S));
    this.draw(at);
  }

  draw(now) {
    const values = this.points.map(([, v]) => v).filter((v) => v !== null);
    const context = this.canvas.getContext("2d");
    const {width, height} = this.canvas;
    context.clearRect(0, 0, width, height);
    if (!values.length) return;
    const low = Math.min(...values), high = Math.max(...values);
    const range = Math.max(high - low, (LEAST[this.unit] ?? 0) || Math.abs(high) / 100 || 1);
    const middle = (low + high) / 2;
    const x = (t) => width * (1 - (now - t) / SPAN_S);
    const y = (v) => height / 2 - ((v - middle) / range) * (height - 8);
    const style = getComputedStyle(this.canvas);
    context.strokeStyle = style.borderBottomColor;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(0, height - 0.5);
    context.lineTo(width, height - 0.5);
    context.stroke();
    context.strokeStyle = style.color;
    context.lineWidth = 2.5;
    context.beginPath();
    let last = null;
    for (const [t, v] of this.points) {
      if (v !== null) {
        if (last === null || t - last > this.gap) {
          context.moveTo(x(t) - 1, y(v));
        }
        context.lineTo(x(t), y(v));
      }
      last = v === null ? null : t;
    }
    context.stroke();
    const text = `last 10 min as seen here: ${quantity(low, this.unit)} to ${quantity(high, this.unit)}`;
    if (this.canvas.title !== text) {
      this.canvas.title = text;
      this.canvas.setAttribute("aria-label", text);
    }
  }
}
