"""Makes a Markdown table of what tcp.sh measured.

usage: table.py FILE

FILE has one line of JSON a measurement, as bench/load prints it, with the
server's name and the number of the round in front.
"""
import collections
import json
import statistics
import sys

BASE = "epoll"
# The styles of shoal, when both were measured.
CALLBACK, COROUTINE = "shoal (callback)", "shoal (coroutine)"
HEAD = ("server", "in flight", "messages/s", "us CPU/message",
        "ratio to " + BASE, "p50 us", "p99 us", "noise %", "flags")


def median(runs, key):
    return statistics.median(run.get(key, 0) for run in runs)


def ratio(runs, base_runs):
    """Median over the rounds of cost / cost of the base in that round."""
    base = {run["round"]: run["server_us_per_message"] for run in base_runs}
    ratios = [run["server_us_per_message"] / base[run["round"]]
              for run in runs if base.get(run["round"])]
    return f"{statistics.median(ratios):.2f}" if ratios else "-"


def flags(runs):
    """G: the generator was the limit. I: the server was not. E: errors."""
    marks = {
        "G": lambda run: run["generator_cpu_percent"]
                         + run["generator_wait_percent"] >= 95,
        "I": lambda run: run["server_cpu_percent"]
                         + run["server_wait_percent"] < 90,
        "E": lambda run: not run["ok"],
    }
    counts = {mark: sum(map(test, runs)) for mark, test in marks.items()}
    return " ".join(f"{mark}{n}" for mark, n in counts.items() if n)


def row(name, depth, runs, base_runs):
    noise = statistics.median(max(run["server_wait_percent"],
                                  run["generator_wait_percent"])
                              for run in runs)
    return (name, str(depth), f"{median(runs, 'per_second'):,.0f}",
            f"{median(runs, 'server_us_per_message'):.3f}",
            ratio(runs, base_runs), f"{median(runs, 'p50_us'):,.0f}",
            f"{median(runs, 'p99_us'):,.0f}", f"{noise:.1f}", flags(runs))


def compare_styles(groups, depth, name):
    """How the coroutine style compares with the callback style."""
    if name != COROUTINE:
        return "-"
    return ratio(groups[depth, name], groups.get((depth, CALLBACK), []))


def with_styles(cells, both, cell):
    """The cells, with one more behind the ratio to the base."""
    at = HEAD.index("ratio to " + BASE) + 1
    return (*cells[:at], cell, *cells[at:]) if both else cells


def print_row(cells):
    print("| " + " | ".join(cells) + " |")


def main(path):
    groups = collections.defaultdict(list)
    broken = 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            run = json.loads(line)
            broken += not run["ok"]
            if "server_us_per_message" in run:
                groups[run["depth"], run["server"]].append(run)
    both = {CALLBACK, COROUTINE} <= {name for _, name in groups}
    head = with_styles(HEAD, both, "ratio to callback")
    print_row(head)
    print("|---|" + "---:|" * (len(head) - 2) + "---|")
    for (depth, name), runs in groups.items():
        cells = row(name, depth, runs, groups.get((depth, BASE), []))
        print_row(with_styles(cells, both,
                              compare_styles(groups, depth, name)))
    return 1 if broken or not groups else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
