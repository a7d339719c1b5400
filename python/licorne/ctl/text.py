"""What a server said, for people to read: one function for each command with a form of its own."""

import json


def shown(command, data):
    """-> text. What has no form of its own is shown as JSON."""
    form = FORMS.get(" ".join(command.lower().split()[:2]))
    return form(data) if form else json.dumps(data, indent=2)


def table(heads, rows, indent=""):
    """Columns as wide as what is in them; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    is_right = [
        bool(rows) and all(isinstance(row[i], (int, float)) for row in rows)
        for i in range(len(heads))
    ]
    lines = []
    for words in [heads, ["-" * width for width in widths], *cells]:
        placed = (
            word.rjust(width) if right else word.ljust(width)
            for word, width, right in zip(words, widths, is_right, strict=True)
        )
        lines.append((indent + "  ".join(placed)).rstrip())
    return lines


def _cell(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    # A path is what a client sent: nothing of it may steer the terminal.
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value)
    )


def seconds(value):
    """-> 1d 2h 3m 4s, without what is zero in front"""
    words, rest = [], int(value)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if rest >= size or words:
            words.append(f"{rest // size}{unit}")
        rest %= size
    return " ".join([*words, f"{rest}s"])


def workers(data):
    rows = [
        (
            worker["pid"],
            worker["age"],
            worker["booted"],
            _beat(worker),
            worker.get("state"),
            worker.get("busy"),
            worker.get("queued"),
            worker.get("connections"),
            worker.get("requests"),
        )
        for worker in data["workers"]
    ]
    heads = ["PID", "AGE", "BOOTED", "LAST_BEAT", "STATE", "BUSY", "QUEUED", "CONNS", "REQUESTS"]
    return "\n".join([*table(heads, rows), "", f"Total: {data['count']} workers"])


def _beat(worker):
    beat = worker["last_heartbeat"]
    return None if beat is None else f"{beat:.2f}s ago"


def everything(data):
    rows = [
        (worker["pid"], worker["age"], worker["booted"], _beat(worker))
        for worker in data["web_workers"]
    ]
    lines = ["ARBITER (master)", f"  PID: {data['arbiter']['pid']}", ""]
    lines += [f"WEB WORKERS ({data['web_worker_count']})"]
    lines += table(["PID", "AGE", "BOOTED", "LAST_BEAT"], rows, "  ") if rows else ["  (none)"]
    dirty = data.get("dirty_arbiter")
    lines += ["", "DIRTY ARBITER", f"  PID: {dirty['pid']}" if dirty else "  (not running)"]
    return "\n".join(lines)


def requests(data):
    rows = [
        (
            f"{call['seconds']:.2f}s",
            call["worker"],
            call["thread"],
            call["method"],
            call["path"] + ("..." if call["path_cut"] else ""),
            call["client"] or "unix",
            call["phase"],
            call["since"],
        )
        for call in data["requests"]
    ]
    heads = ["RUNNING", "WORKER", "THREAD", "METHOD", "PATH", "CLIENT", "PHASE", "SINCE"]
    lines = [*table(heads, rows), ""] if rows else []
    if data["count"] > len(rows):
        lines.append(f"The {len(rows)} longest of them.")
    return "\n".join([*lines, f"Total: {data['count']} requests"])


def stats(data):
    names = {
        "uptime": "Uptime:",
        "pid": "PID:",
        "workers_current": "Workers current:",
        "workers_target": "Workers target:",
        "workers_spawned": "Workers spawned:",
        "workers_killed": "Workers killed:",
        "reloads": "Reloads:",
    }
    values = {**data, "uptime": seconds(data.get("uptime") or 0)}
    return "\n".join(f"{words:18}{values.get(name, 0)}" for name, words in names.items())


def listeners(data):
    rows = [(row["address"], row["type"], row["fd"]) for row in data["listeners"]]
    total = f"Total: {data['count']} listeners"
    return "\n".join([*table(["ADDRESS", "TYPE", "FD"], rows), "", total])


def config(data):
    lines = []
    for name in sorted(data):
        value = data[name]
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        lines.append(f"{name}: {text}")
    return "\n".join(lines)


def dirty(data):
    if not data["enabled"]:
        return "Dirty arbiter not running"
    return json.dumps(data, indent=2)


def commands(data):
    known = data["commands"]
    width = max(map(len, known))
    lines = [f"  {name:{width}}  {known[name]}" for name in sorted(known)]
    return "\n".join(["Available commands:", "", *lines])


FORMS = {
    "show all": everything,
    "show workers": workers,
    "show requests": requests,
    "show stats": stats,
    "show listeners": listeners,
    "show config": config,
    "show dirty": dirty,
    "help": commands,
}
