"""What the reports of the benches share: Markdown tables, the machine, and pictures drawn by hand, as
SVG that is readable on light and on dark pages."""

import datetime
import html
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 400, 72, 24, 48, 92
COLOURS = ("#2f81f7", "#db6d28", "#8957e5", "#6e7781", "#2da44e")
DASHES = ("none", "8 4", "2 4", "10 3 2 3", "5 2")
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 15px; font-weight: 600; }
.axis { stroke: #57606a; } .grid { stroke: #d0d7de; } .mark { stroke: #24292f; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .axis { stroke: #8b949e; } .grid { stroke: #30363d; } .mark { stroke: #e6edf3; }
}
</style>"""


# --- words


def table(heads, rows):
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads),
            *("| " + " | ".join(row) + " |" for row in rows), ""]


def machine():
    fields = dict(row.split(":", 1) for row in subprocess.run(
        ["lscpu"], check=True, capture_output=True, text=True,
        env={**os.environ, "LC_ALL": "C"}).stdout.splitlines() if ":" in row)
    return f"{fields['Model name'].strip()}, {os.cpu_count()} cores, Linux {os.uname().release}"


def made_by(command):
    return f"`{command}`, {datetime.date.today().isoformat()}, {machine()}."


def keep(files):
    """Their content by their names, into the results."""
    os.makedirs(RESULTS, exist_ok=True)
    for name, content in files.items():
        with open(os.path.join(RESULTS, name), "w", encoding="utf-8") as file:
            file.write(content)


# --- pictures


def text(x, y, words, anchor="middle", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{html.escape(words)}</text>'


def title(words):
    return text(LEFT, 26, words, "start", 'class="title"')


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def bar(x, y, width, height, number):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{COLOURS[number]}"/>')


def curve(places, number):
    """Through the places, each marked."""
    route = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return [f'<polyline points="{route}" {stroke(number)}/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOURS[number]}"/>'
              for x, y in places)]


def stroke(number):
    return (f'fill="none" stroke="{COLOURS[number]}" stroke-width="2.5" '
            f'stroke-dasharray="{DASHES[number]}"')


def axes(y_label, x_label):
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return [line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, "axis"),
            text(14, middle, y_label, extra=f'transform="rotate(-90 14 {middle:.1f})"'),
            text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 40, x_label)]


def legend(names, key, y=HEIGHT - 22):
    parts, x = [], LEFT
    for number, name in enumerate(names):
        parts += [key(number, x, y), text(x + 34, y + 4, name, "start")]
        x += 52 + 7.2 * len(name)
    return parts


def curve_key(number, x, y):
    return f'<path d="M{x:.1f} {y}h28" {stroke(number)}/>'


def bar_key(number, x, y):
    return bar(x, y - 6, 28, 12, number)


def svg(parts, height=HEIGHT):
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
                      f'width="{WIDTH}" height="{height}">', STYLE, *parts, "</svg>\n"])
