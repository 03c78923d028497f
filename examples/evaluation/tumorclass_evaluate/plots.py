"""Curves and diagrams as SVG, drawn by hand: no dependency, a few kilobytes, and colours that follow the page's."""
import html

SIZE, LEFT, TOP = 300, 44, 12
PALETTE = ("c0", "c1", "c2", "c3", "c4", "c5", "c6")  # classes of the page's style sheet


def _x(value):
    return LEFT + SIZE * value


def _y(value):
    return TOP + SIZE * (1 - value)


def _frame(inside, title, across, up):
    ticks = "".join(f'<path d="M{_x(t):.0f} {_y(0)}v4M{LEFT} {_y(t):.0f}h-4" class="axis"/>'
                    f'<text x="{_x(t):.0f}" y="{_y(0) + 17}" text-anchor="middle">{t:g}</text>'
                    f'<text x="{LEFT - 8}" y="{_y(t) + 4:.0f}" text-anchor="end">{t:g}</text>'
                    for t in (0, 0.25, 0.5, 0.75, 1))
    return (f'<svg viewBox="0 0 {LEFT + SIZE + 12} {TOP + SIZE + 42}" role="img" aria-label="{html.escape(title)}">'
            f'<rect x="{LEFT}" y="{TOP}" width="{SIZE}" height="{SIZE}" class="frame"/>{ticks}{inside}'
            f'<text x="{_x(0.5)}" y="{TOP + SIZE + 36}" text-anchor="middle">{html.escape(across)}</text>'
            f'<text transform="translate(11 {_y(0.5)}) rotate(-90)" text-anchor="middle">{html.escape(up)}</text>'
            "</svg>")


def curves(lines, title, across, up, diagonal=False):
    """lines: (class index, x values, y values), each from 0 to 1; steps are drawn as they come."""
    inside = f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" class="guide"/>' if diagonal else ""
    for index, xs, ys in lines:
        points = dict.fromkeys(f"{_x(x):.1f} {_y(y):.1f}" for x, y in zip(xs, ys))
        inside += f'<path d="M{"L".join(points)}" class="line {PALETTE[index]}"/>'
    return _frame(inside, title, across, up)


def reliability(bins):
    """One dot a bin: mean confidence, share that is right, its Wilson interval; its area is the number of scans."""
    inside = f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" class="guide"/>'
    most = max((item["n"] for item in bins), default=1)
    for item in bins:
        x, share = _x(item["confidence"]), item["right"] / item["n"]
        low, high = item["interval"]
        inside += (f'<path d="M{x:.1f} {_y(low):.1f}V{_y(high):.1f}" class="line c5"/><circle cx="{x:.1f}" '
                   f'cy="{_y(share):.1f}" r="{1.5 + 3.5 * (item["n"] / most) ** 0.5:.1f}" class="dot">'
                   f'<title>{item["right"]} of {item["n"]}, confidence {item["confidence"]:.3f}</title></circle>')
    return _frame(inside, "Reliability diagram", "confidence of the top class", "share that is right")


def interval_bar(value, low, high, width=120):
    """A proportion with its interval on a line from 0 to 1."""
    return (f'<svg class="bar" viewBox="0 0 {width} 12" role="img" aria-label="{value:.3f}"><path d="M0 6H{width}" '
            f'class="track"/><path d="M{low * width:.1f} 6H{high * width:.1f}" class="line c5"/>'
            f'<circle cx="{value * width:.1f}" cy="6" r="3.5" class="dot"/></svg>')
